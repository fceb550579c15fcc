#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "src/job/terminal/progress.hpp"

namespace alignment {

/// A line on how far a video is, once that has taken a while.
class LateProgress {
 public:
  explicit LateProgress(std::string stage) : stage_(std::move(stage)) {}
  void operator()(std::int64_t decoded, std::optional<std::int64_t> all) {
    constexpr std::chrono::seconds kPatience{2};
    if (progress_) {
      progress_->advance(decoded - shown_);
    } else if (std::chrono::steady_clock::now() - begun_ > kPatience) {
      progress_.emplace(ProgressChoice::kAuto, stage_, all.value_or(ProgressState::kUnknownTotal), "frames", decoded);
    }
    shown_ = decoded;
  }

 private:
  std::string stage_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::optional<Progress> progress_;
  std::int64_t shown_ = 0;
};

}  // namespace alignment
