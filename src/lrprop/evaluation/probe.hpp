#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

#include "src/lrprop/evaluation/pooled_frames.hpp"

namespace alignment::lrprop {

/// Set by another thread where a fit under way is no longer wanted.
using StopFlag = std::atomic<bool>;

/// A fit that was left for that reason.
struct FitStopped : std::exception {};

/// Frames of `frames` whose label is predicted, [N] against [N].
[[nodiscard]] std::int64_t count_right(const PooledFrames& frames, const std::vector<std::int32_t>& predicted);

}  // namespace alignment::lrprop
