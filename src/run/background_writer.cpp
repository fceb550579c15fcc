#include "src/run/background_writer.hpp"

#include <chrono>
#include <utility>

namespace dejavid {

void BackgroundWriter::start(std::function<void()> job) {
  std::future<void> before = std::move(job_);
  if (before.valid()) before.wait();
  job_ = std::async(std::launch::async, std::move(job));
  if (before.valid()) before.get();
}

void BackgroundWriter::check() {
  if (job_.valid() && job_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) job_.get();
}

void BackgroundWriter::finish() {
  if (job_.valid()) job_.get();
}

}  // namespace dejavid
