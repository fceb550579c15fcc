#include "dist/watch/deadline.hpp"

#include "dist/watch/last_resort.hpp"

namespace alignment::dist {
namespace {

using detail::LastResort;

/// Each lives for as long as the process, as last_resort() does.
LastResort& watch_over(WaitsFor waits_for) {
  if (waits_for == WaitsFor::kGpu) {
    static LastResort& gpu = *new LastResort("see what the system says of the GPU, or raise dist.timeout_s");
    return gpu;
  }
  static LastResort& file_system =
      *new LastResort("look at the file system and the way to it, or raise dist.timeout_s");
  return file_system;
}

}  // namespace

Deadline::Deadline(WaitsFor waits_for, const char* work, std::chrono::duration<double> timeout, FindDetail find_detail)
    : waits_for_(waits_for) {
  watch_over(waits_for_).expect_return(LastResort::Awaited::kCallOfOwner, work, timeout, find_detail);
}

Deadline::~Deadline() {
  watch_over(waits_for_).met(LastResort::Awaited::kCallOfOwner);
}

}  // namespace alignment::dist
