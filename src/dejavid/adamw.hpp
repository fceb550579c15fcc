#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dejavid {

/// AdamW with decoupled decay on one parameter group (LibTorch's fused kernel), betas (0.9, 0.999), eps 1e-8.
class AdamW {
 public:
  /// Moments for `count` parameters, zero.
  AdamW(std::size_t count, double weight_decay);

  /// One update of `parameters` in place. `step` counts from 1.
  void update(std::span<float> parameters, std::span<const float> gradient, double lr, std::int64_t step);

  [[nodiscard]] std::vector<float>& first_moment() { return first_moment_; }
  [[nodiscard]] std::vector<float>& second_moment() { return second_moment_; }

 private:
  double weight_decay_;
  std::vector<float> first_moment_, second_moment_;
};

/// Threads that LibTorch computes with in this process.
void set_torch_threads(int threads);

}  // namespace dejavid
