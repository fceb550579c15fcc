#pragma once

#include "dist/work_queue.hpp"

namespace alignment::dist::detail {

/// The queue of a process on its own.
class SelfWorkQueue final : public WorkQueue {
 public:
  explicit SelfWorkQueue(std::int64_t limit) : limit_(limit) {}

  void ask() override { ++asked_; }
  [[nodiscard]] std::optional<std::int64_t> take() override;
  [[nodiscard]] std::int64_t asked() const override { return is_closed() ? 0 : asked_; }
  void close() override { closed_ = true; }
  [[nodiscard]] bool is_closed() const override { return closed_ || next_ == limit_; }
  void report(const WorkCounts& done) override;
  [[nodiscard]] WorkCounts done() const override { return done_; }
  void poll() override {}
  void leave() override { left_ = true; }
  [[nodiscard]] bool all_left() const override { return left_; }

 private:
  std::int64_t limit_, next_ = 0, asked_ = 0;
  bool closed_ = false, left_ = false;
  WorkCounts done_{};
};

}  // namespace alignment::dist::detail
