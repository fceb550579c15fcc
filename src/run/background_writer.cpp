#include "src/run/background_writer.hpp"

#include <chrono>
#include <utility>

namespace dejavid {

void BackgroundWriter::start(std::function<void()> job) {
  finish();
  job_ = std::async(std::launch::async, std::move(job));
}

void BackgroundWriter::check() {
  if (job_.valid() && job_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) job_.get();
}

void BackgroundWriter::finish() {
  if (job_.valid()) job_.get();
}

}  // namespace dejavid
