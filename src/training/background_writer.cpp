#include "src/training/background_writer.hpp"

#include <utility>

#include "src/job/file_deadline.hpp"

namespace alignment {

BackgroundWriter::~BackgroundWriter() {
  wait();
}

void BackgroundWriter::wait() const {
  if (!job_.valid()) return;
  const dist::Deadline deadline = waiting_for_files("the writer of checkpoints", timeout_);
  job_.wait();
}

void BackgroundWriter::start(std::function<void()> job) {
  wait();
  std::future<void> before = std::move(job_);
  job_ = std::async(std::launch::async, std::move(job));
  if (before.valid()) before.get();
}

void BackgroundWriter::check() {
  if (job_.valid() && job_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) job_.get();
}

void BackgroundWriter::finish() {
  wait();
  if (job_.valid()) job_.get();
}

}  // namespace alignment
