#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace alignment {

/// What one step of a parameter is measured in, feature by feature, so that training does not depend on the units of
/// the features (see kernels/update.hpp). Empty: 1 and 0.
struct StepUnits {
  std::vector<float> unit;  ///< [F] what lr is a multiple of
  std::vector<float> rest;  ///< [F] what the decay draws a parameter to
};

/// AdamW with decoupled decay on one parameter group (LibTorch's fused kernel), betas (0.9, 0.999), eps 1e-8. The same
/// on any number of threads.
class AdamW {
 public:
  /// Moments for `count` parameters, zero. Where `units` has any, `count` is a multiple of F, the features lying
  /// together.
  AdamW(std::size_t count, double weight_decay, StepUnits units = {}, int threads = 1);

  /// One update of `parameters` in place. `step` counts from 1.
  void update(std::span<float> parameters, std::span<const float> gradient, double lr, std::int64_t step);

  [[nodiscard]] std::vector<float>& first_moment() { return first_moment_; }
  [[nodiscard]] std::vector<float>& second_moment() { return second_moment_; }

 private:
  double weight_decay_;
  StepUnits units_;
  int threads_;
  std::vector<float> first_moment_, second_moment_;
};

/// Threads that LibTorch computes with in this process.
void set_torch_threads(int threads);

}  // namespace alignment
