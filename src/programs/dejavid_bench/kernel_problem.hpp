#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/cost.hpp"
#include "kernels/quantized.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"
#include "src/dejavid/cpu/aligned_buffer.hpp"

namespace alignment::bench {

/// Small integers: every sum that the kernels form is exact in f32 for the shapes that validation uses.
enum class Numbers : std::uint8_t { kSmallIntegers, kReals };

/// A random batch and random parameters in every layout that the kernels read, with room for what they write.
class KernelProblem {
 public:
  /// `lengths`: T of each sample.
  KernelProblem(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim,
                const std::vector<std::int64_t>& lengths, Numbers numbers);

  /// Brings live parameters and samples into the layouts that the kernels read, as every step of a training does. The
  /// frozen copy's, made once an epoch, stays.
  void lay_out(int threads);
  void cost(int threads, const kernels::Variant& variant);
  void search_paths(int threads, const kernels::Variant& variant);
  /// Into breakpoints().
  void search_quantized_paths(int threads, const kernels::cpu::QuantizedVariant& variant);
  /// Along breakpoints().
  void distances(int threads, const kernels::Variant& variant);
  /// Along breakpoints(); adds to slope_sum() and magnitude_sum().
  void gradient(int threads, const kernels::Variant& variant);

  [[nodiscard]] kernels::ParametersView<float> parameters() const;
  [[nodiscard]] kernels::SamplesView<float> samples() const;
  [[nodiscard]] const std::vector<float>& distance_gradient() const { return distance_gradient_; }  ///< [B,C]

  [[nodiscard]] std::vector<std::int32_t>& breakpoints() { return breakpoints_; }          ///< [B,C,K-1]
  [[nodiscard]] const float* cost_values() const { return cost_.data(); }                  ///< as cost.hpp lays it out
  [[nodiscard]] const std::vector<double>& distance_values() const { return distances_; }  ///< [B,C]
  [[nodiscard]] const double* slope_sum() const { return slope_sum_.data(); }              ///< blocked [C*K,F]
  [[nodiscard]] const double* magnitude_sum() const { return magnitude_sum_.data(); }      ///< blocked [C*K,F]

 private:
  [[nodiscard]] kernels::BlockedParameters blocked_parameters() const;
  [[nodiscard]] kernels::BlockedSamples blocked_samples() const;

  std::int64_t classes_, steps_, feature_dim_;
  std::vector<std::int64_t> offsets_;
  std::vector<float> centroids_, weights_, features_, distance_gradient_;
  AlignedBuffer<float> panels_, centroid_blocks_, weight_blocks_, feature_blocks_;
  std::vector<const float*> sample_blocks_;  ///< [B], within feature_blocks_
  kernels::PackedParameters packed_;
  AlignedBuffer<std::byte> quantized_bytes_;
  kernels::cpu::QuantizedParameters quantized_;

  std::vector<std::int32_t> breakpoints_;
  std::vector<double> distances_;
  AlignedBuffer<float> cost_;
  AlignedBuffer<double> slope_sum_, magnitude_sum_;
  AlignedBuffer<std::byte> workspace_;
};

/// What is validated and timed, in the order of a training step.
struct Operation {
  std::string_view name;
  void (KernelProblem::*run)(int threads, const kernels::Variant& variant);
  bool along_paths;  ///< visits K+T-1 cells of each cost matrix, not all K*T
};
inline constexpr std::array<Operation, 4> kOperations{{{"cost", &KernelProblem::cost, false},
                                                       {"search_paths", &KernelProblem::search_paths, false},
                                                       {"distances_along_paths", &KernelProblem::distances, true},
                                                       {"gradient_along_paths", &KernelProblem::gradient, true}}};

}  // namespace alignment::bench
