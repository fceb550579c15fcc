#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "src/lrprop/evaluation/pooled_frames.hpp"
#include "src/lrprop/evaluation/probe.hpp"

namespace alignment::lrprop {

/// sklearn's SVC with its default settings, by libsvm: kernel exp(-gamma |x - y|^2), C 1, tolerance 1e-3, shrinking,
/// one against one by votes, of equally many votes the lower phase.
/// gamma = 1 / (E var), var that of all numbers of the training frames; 1 where var is 0.
///
/// Of a single phase it predicts that phase. Training takes 16 bytes a number of a frame and up to kCacheMegabytes;
/// its time grows with the square of the frames.
class SupportVectors {
 public:
  static constexpr double kCacheMegabytes = 400;

  /// Trained on all frames of `frames` (at least one), or where there are more than `limit`, on that many, evenly
  /// spaced; a limit of 0 is none. Throws FitStopped.
  SupportVectors(const PooledFrames& frames, std::int64_t limit, const StopFlag& stop);
  ~SupportVectors();
  SupportVectors(SupportVectors&&) noexcept;
  SupportVectors& operator=(SupportVectors&&) noexcept;

  /// The phase of every frame, [N]. Throws FitStopped.
  [[nodiscard]] std::vector<std::int32_t> predict(const PooledFrames& frames, const StopFlag& stop) const;

  [[nodiscard]] double gamma() const;
  [[nodiscard]] std::int64_t trained_on() const;  ///< frames

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace alignment::lrprop
