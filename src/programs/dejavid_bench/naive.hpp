#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/tensors.hpp"

namespace alignment::bench {

/// Threads that LibTorch computes with in this process.
void set_torch_threads(int threads);

/// A training step as one writes it without kernels of one's own: cost matrices as LibTorch's tensor expressions, block
/// by block, the dynamic programme as two scalar loops, slopes and intercepts of every path by gathering its cells.
///
/// The arrays that the views name must outlive it. Works with as many threads as LibTorch has (set_torch_threads).
class NaiveStep {
 public:
  /// `block_bytes`: the most that the tensors of one cost expression hold together, though at least one class.
  NaiveStep(const kernels::ParametersView<float>& parameters, const kernels::SamplesView<float>& samples,
            std::int64_t block_bytes);
  ~NaiveStep();
  NaiveStep(const NaiveStep&) = delete;
  NaiveStep& operator=(const NaiveStep&) = delete;

  void search_paths();
  /// Along the paths found last; keeps slope and intercept of every sample, 8*B*C*K*F bytes.
  void distances();
  /// From the slopes and intercepts found last. `distance_gradient` [B,C].
  void gradient(const std::vector<float>& distance_gradient);

  [[nodiscard]] std::vector<std::int32_t>& breakpoints();            ///< [B,C,K-1]
  [[nodiscard]] const std::vector<double>& distance_values() const;  ///< [B,C]
  [[nodiscard]] std::vector<double> slope_sum() const;      ///< [C,K,F], as kernels::reference::gradient_along_paths
  [[nodiscard]] std::vector<double> magnitude_sum() const;  ///< [C,K,F], likewise

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::bench
