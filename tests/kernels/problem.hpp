#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/blocks.hpp"
#include "kernels/cost.hpp"
#include "kernels/quantized.hpp"
#include "kernels/tensors.hpp"
#include "kernels/variants.hpp"
#include "kernels/warp.hpp"

namespace alignment::kernels::testing {

/// Unit roundoff of f32.
inline constexpr double kRoundoff = 0x1p-24;

/// Whether numbers are small integers (every sum below 2^24, so f32 is exact in any order) or normal reals.
enum class Numbers { kIntegers, kReals };

/// Memory aligned as the kernels ask, filled with NaN, so that a number nobody wrote shows.
template <typename T>
class Aligned {
 public:
  explicit Aligned(std::int64_t count) : storage_(static_cast<std::size_t>(count) + 64, fill()) {
    const auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    offset_ = (64 - address % 64) % 64 / sizeof(T);
  }
  T* data() { return storage_.data() + offset_; }
  T& operator[](std::int64_t index) { return data()[index]; }

 private:
  static T fill() {
    if constexpr (std::numeric_limits<T>::has_quiet_NaN) return std::numeric_limits<T>::quiet_NaN();
    return T{};
  }
  std::vector<T> storage_;
  std::size_t offset_ = 0;
};

/// Ragged samples and parameters. The features lie between guard rows of NaN: a read past either end poisons the
/// result.
template <typename Real>
class Problem {
 public:
  Problem(std::int64_t classes, std::int64_t steps, std::int64_t feature_dim, std::vector<std::int64_t> lengths,
          Numbers numbers, unsigned seed = 1)
      : classes_(classes), steps_(steps), feature_dim_(feature_dim), generator_(seed) {
    offsets_.push_back(1);
    for (const std::int64_t length : lengths) offsets_.push_back(offsets_.back() + length);
    centroids_.resize(static_cast<std::size_t>(classes * steps * feature_dim));
    weights_.resize(centroids_.size());
    for (Real& value : centroids_) value = draw(numbers, -8, 8);
    for (Real& value : weights_)
      value = numbers == Numbers::kIntegers ? draw(numbers, 1, 4) : std::exp(draw(numbers, 0, 0));
    features_.assign(static_cast<std::size_t>((offsets_.back() + 1) * feature_dim),
                     std::numeric_limits<Real>::quiet_NaN());
    for (std::int64_t k = feature_dim; k < offsets_.back() * feature_dim; ++k) {
      features_[static_cast<std::size_t>(k)] = draw(numbers, -8, 8);
    }
  }

  [[nodiscard]] ParametersView<Real> parameters() const {
    return {centroids_.data(), weights_.data(), classes_, steps_, feature_dim_};
  }
  [[nodiscard]] SamplesView<Real> samples() const {
    return {features_.data(), offsets_.data(), static_cast<std::int64_t>(offsets_.size()) - 1, feature_dim_};
  }
  std::vector<Real>& centroids() { return centroids_; }
  std::vector<Real>& weights() { return weights_; }
  std::vector<Real>& features() { return features_; }
  [[nodiscard]] std::int64_t pair_count() const { return samples().count * classes_; }
  [[nodiscard]] std::int64_t element_count() const { return classes_ * steps_ * feature_dim_; }

  /// Breakpoints [B,C,K-1] by the reference.
  [[nodiscard]] std::vector<std::int32_t> paths(bool diagonal) const {
    std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(pair_count() * (steps_ - 1)));
    reference::search_paths(parameters(), samples(), diagonal, breakpoints.data(), nullptr);
    return breakpoints;
  }

 private:
  Real draw(Numbers numbers, int low, int high) {
    if (numbers == Numbers::kIntegers)
      return static_cast<Real>(std::uniform_int_distribution<int>(low, high)(generator_));
    return static_cast<Real>(std::normal_distribution<double>()(generator_));
  }
  std::int64_t classes_, steps_, feature_dim_;
  std::mt19937 generator_;
  std::vector<std::int64_t> offsets_;
  std::vector<Real> centroids_, weights_, features_;
};

/// Sizes around every boundary of the tiles: panels of 16 rows, tiles of 2, 5 and 12 columns, blocks of 16, 64 and 256
/// features.
struct Shape {
  std::int64_t classes, steps, feature_dim;
  std::vector<std::int64_t> lengths;
};

inline const std::vector<Shape>& shapes() {
  static const std::vector<Shape> kShapes{
      {2, 1, 1, {1}},           {2, 8, 3, {1, 2, 7}},    {3, 5, 16, {4, 5, 6, 1}}, {5, 3, 17, {3, 12, 13}},
      {16, 2, 63, {24, 1, 25}}, {17, 4, 64, {11, 2}},    {33, 8, 65, {9, 30}},     {4, 9, 255, {5, 5, 5}},
      {3, 8, 256, {7, 33}},     {7, 6, 300, {2, 40, 3}}, {51, 8, 129, {33, 17}},   {2, 40, 20, {3, 64}},
  };
  return kShapes;
}

inline std::string to_string(const Shape& shape) {
  return "C=" + std::to_string(shape.classes) + " K=" + std::to_string(shape.steps) +
         " F=" + std::to_string(shape.feature_dim) + " B=" + std::to_string(shape.lengths.size());
}

/// Calls `check(variant)` for every variant that this processor supports.
template <typename Check>
void for_each_variant(Check&& check) {
  for (const Variant& variant : variants()) {
    if (variant.supported()) check(variant);
  }
}

/// A problem in the layouts of the along-path kernels.
class Blocks {
 public:
  explicit Blocks(const Problem<float>& problem)
      : parameters_(problem.parameters()),
        samples_(problem.samples()),
        centroids_(blocked_count(rows(), feature_dim())),
        weights_(blocked_count(rows(), feature_dim())),
        features_(blocked_count(samples_.total_steps(), feature_dim())) {
    cpu::to_blocks(parameters_.centroids, rows(), feature_dim(), centroids_.data(), 1);
    cpu::to_blocks(parameters_.weights, rows(), feature_dim(), weights_.data(), 1);
    for (std::int64_t b = 0; b < samples_.count; ++b) {
      float* const sample = features_.data() + blocked_count(samples_.offsets[b] - samples_.offsets[0], feature_dim());
      cpu::to_blocks(samples_.sample(b), samples_.length(b), feature_dim(), sample, 1);
      sample_features_.push_back(sample);
    }
  }

  BlockedParameters parameters() {
    return {centroids_.data(), weights_.data(), parameters_.classes, parameters_.steps, feature_dim()};
  }
  BlockedSamples samples() { return {sample_features_.data(), samples_.offsets, samples_.count, feature_dim()}; }
  /// A blocked [C*K,F] array as rows.
  [[nodiscard]] std::vector<double> rows_of(const double* blocked) const {
    std::vector<double> result;
    for (std::int64_t row = 0; row < rows(); ++row) {
      for (std::int64_t f = 0; f < feature_dim(); ++f) {
        const std::int64_t first = f / kBlockFeatures * kBlockFeatures;
        result.push_back(blocked[block_offset(rows(), feature_dim(), first, row) + f - first]);
      }
    }
    return result;
  }
  [[nodiscard]] std::int64_t rows() const { return parameters_.classes * parameters_.steps; }
  [[nodiscard]] std::int64_t feature_dim() const { return parameters_.feature_dim; }

 private:
  ParametersView<float> parameters_;
  SamplesView<float> samples_;
  Aligned<float> centroids_, weights_, features_;
  std::vector<const float*> sample_features_;  ///< [B]
};

inline std::vector<double> distances_by(const Problem<float>& problem, const std::vector<std::int32_t>& breakpoints,
                                        int threads, const Variant& variant) {
  Blocks blocks(problem);
  std::vector<double> distances(static_cast<std::size_t>(problem.pair_count()), std::nan(""));
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::distances_workspace_bytes(blocks.parameters(), blocks.samples(), threads)));
  cpu::distances_along_paths(blocks.parameters(), blocks.samples(), breakpoints.data(), distances.data(),
                             workspace.data(), threads, variant);
  return distances;
}

/// slope_sum and magnitude_sum as rows [C,K,F].
inline std::pair<std::vector<double>, std::vector<double>> gradient_by(const Problem<float>& problem,
                                                                       const std::vector<std::int32_t>& breakpoints,
                                                                       const std::vector<float>& gradient,
                                                                       TieSign tie_sign, std::int64_t group,
                                                                       int threads, const Variant& variant) {
  Blocks blocks(problem);
  const std::int64_t count = blocked_count(blocks.rows(), blocks.feature_dim());
  Aligned<double> slope(count), magnitude(count);
  std::fill(slope.data(), slope.data() + count, 0.0);
  std::fill(magnitude.data(), magnitude.data() + count, 0.0);
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::gradient_workspace_bytes(blocks.parameters(), blocks.samples(), group, threads)));
  cpu::gradient_along_paths(blocks.parameters(), blocks.samples(), breakpoints.data(), gradient.data(), tie_sign, group,
                            slope.data(), magnitude.data(), workspace.data(), threads, variant);
  return {blocks.rows_of(slope.data()), blocks.rows_of(magnitude.data())};
}

/// `distances` [B,C] or nullptr.
inline std::vector<std::int32_t> paths_by(const Problem<float>& problem, bool diagonal, int threads,
                                          const Variant& variant, double* distances = nullptr) {
  const ParametersView<float> parameters = problem.parameters();
  Aligned<float> panels(packed_parameter_count(parameters.classes, parameters.steps, parameters.feature_dim));
  const PackedParameters packed = cpu::pack_parameters(parameters, panels.data(), threads);
  Blocks blocks(problem);
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::search_paths_workspace_bytes(packed, blocks.samples(), threads)));
  std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(problem.pair_count() * (parameters.steps - 1)), -999);
  cpu::search_paths(packed, blocks.samples(), diagonal, breakpoints.data(), distances, workspace.data(), threads,
                    variant);
  return breakpoints;
}

/// Calls `check(variant)` for every variant in bytes that this processor supports.
template <typename Check>
void for_each_quantized_variant(Check&& check) {
  for (const cpu::QuantizedVariant& variant : cpu::quantized_variants()) {
    if (variant.supported()) check(variant);
  }
}

/// Paths by the search in bytes.
inline std::vector<std::int32_t> quantized_paths_by(const Problem<float>& problem, bool diagonal, int threads,
                                                    const cpu::QuantizedVariant& variant) {
  const ParametersView<float> parameters = problem.parameters();
  Blocks blocks(problem);
  Aligned<std::byte> memory(static_cast<std::int64_t>(
      cpu::quantized_parameter_bytes(parameters.classes, parameters.steps, parameters.feature_dim)));
  const cpu::QuantizedParameters quantized = cpu::quantize_parameters(parameters, memory.data(), threads);
  Aligned<std::byte> workspace(
      static_cast<std::int64_t>(cpu::search_quantized_paths_workspace_bytes(quantized, blocks.samples(), threads)));
  std::vector<std::int32_t> breakpoints(static_cast<std::size_t>(problem.pair_count() * (parameters.steps - 1)), -999);
  cpu::search_quantized_paths(quantized, blocks.samples(), diagonal, breakpoints.data(), workspace.data(), threads,
                              variant);
  return breakpoints;
}

}  // namespace alignment::kernels::testing
