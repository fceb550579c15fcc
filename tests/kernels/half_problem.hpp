#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tests/kernels/device_problem.hpp"

/// What tests of searches in f16 share.
namespace alignment::kernels::testing {

/// Unit roundoff of f16.
inline constexpr double kHalfRoundoff = 0x1p-11;

inline float to_half(float value) {
  return __half2float(__float2half_rn(value));
}

/// A problem on the device with its parameters packed in f16, and what was made of them.
class HalfProblem {
 public:
  HalfProblem(const Problem<float>& problem, cuda::FeatureType type, cuda::Stream stream, std::int64_t first = 0,
              std::int64_t count = -1)
      : problem_(problem),
        device_(problem, type, first, count),
        memory_(bytes(problem)),
        packed_(cuda::pack_half_parameters(device_.parameters(), memory_.data(), stream)),
        stream_(stream) {
    const std::vector<std::byte> content = memory_.values();
    const ParametersView<float> host = problem.parameters();
    shifts = read<float>(content, packed_.shifts, host.feature_dim);
    scales = read<float>(content, packed_.scales, host.feature_dim);
    class_factors = read<float>(content, packed_.class_factors, host.classes);
    const std::int64_t rows = cuda::padded_to(host.classes * host.steps, cuda::kTileWidth);
    constants = read<float>(content, packed_.constants, rows);
    halves =
        read<__half>(content, packed_.halves, 2 * rows * cuda::padded_to(host.feature_dim, cuda::kHalfFeatureStage));
  }

  [[nodiscard]] const cuda::HalfPackedParameters& packed() const { return packed_; }
  [[nodiscard]] cuda::Samples samples() { return device_.samples(); }

  [[nodiscard]] float scaled(float value, std::int64_t feature) const {
    const auto f = static_cast<std::size_t>(feature);
    const float moved = (value - shifts[f]) * scales[f];
    return to_half(std::fmin(std::fmax(moved, -cuda::kHalfLimit), cuda::kHalfLimit));
  }
  [[nodiscard]] float scaled_weight(float weight, std::int64_t feature, std::int64_t c) const {
    const float value = weight / scales[static_cast<std::size_t>(feature)] * class_factors[static_cast<std::size_t>(c)];
    return to_half(std::fmin(std::fmax(value, 0.0F), 1.0F));
  }

  /// The problem that is left once all numbers are scaled and rounded.
  [[nodiscard]] Problem<float> rounded() const {
    Problem<float> rounded = problem_;
    const std::int64_t width = packed_.feature_dim, per_class = packed_.steps * width;
    for (std::size_t k = 0; k < rounded.centroids().size(); ++k) {
      const auto element = static_cast<std::int64_t>(k);
      rounded.centroids()[k] = scaled(rounded.centroids()[k], element % width);
      rounded.weights()[k] = scaled_weight(rounded.weights()[k], element % width, element / per_class);
    }
    for (std::size_t k = 0; k < rounded.features().size(); ++k) {
      float& value = rounded.features()[k];
      if (!std::isnan(value)) value = scaled(value, static_cast<std::int64_t>(k) % width);
    }
    return rounded;
  }

  /// Elements [sum of T, C*K] without the padding of the columns.
  [[nodiscard]] std::vector<float> cost() {
    const cuda::Samples samples = device_.samples();
    const std::int64_t stride = cuda::cost_stride(packed_.classes, packed_.steps);
    DeviceArray<__half> packed_samples(cuda::half_packed_sample_count(samples.total_steps, samples.feature_dim));
    DeviceArray<float> cost(samples.total_steps * stride);
    cuda::pack_half_samples(packed_, samples, packed_samples.data(), stream_);
    cuda::cost_matrices(packed_, packed_samples.data(), samples.total_steps, cost.data(), stream_);
    const std::vector<float> padded = cost.values();
    std::vector<float> elements;
    for (std::int64_t j = 0; j < samples.total_steps; ++j) {
      elements.insert(elements.end(), padded.begin() + j * stride,
                      padded.begin() + j * stride + packed_.classes * packed_.steps);
    }
    return elements;
  }

  [[nodiscard]] std::vector<std::int32_t> paths(bool diagonal) {
    const cuda::Samples samples = device_.samples();
    DeviceArray<std::byte> workspace(
        static_cast<std::int64_t>(cuda::search_paths_workspace_bytes(packed_, samples, diagonal)));
    DeviceArray<std::int32_t> breakpoints(samples.count * packed_.classes * (packed_.steps - 1));
    cuda::search_paths(packed_, samples, diagonal, breakpoints.data(), workspace.data(), stream_);
    return breakpoints.values();
  }

  std::vector<float> constants, shifts, scales, class_factors;
  std::vector<__half> halves;

 private:
  static std::int64_t bytes(const Problem<float>& problem) {
    const ParametersView<float> host = problem.parameters();
    return static_cast<std::int64_t>(cuda::half_packed_parameter_bytes(host.classes, host.steps, host.feature_dim));
  }
  template <typename T>
  std::vector<T> read(const std::vector<std::byte>& content, const void* array, std::int64_t count) {
    std::vector<T> values(static_cast<std::size_t>(count));
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(array) - memory_.data());
    EXPECT_LE(offset + values.size() * sizeof(T), content.size());
    std::memcpy(values.data(), content.data() + offset, values.size() * sizeof(T));
    return values;
  }

  const Problem<float>& problem_;
  DeviceProblem device_;
  DeviceArray<std::byte> memory_;
  cuda::HalfPackedParameters packed_;
  cuda::Stream stream_;
};

inline std::vector<double> reference_cost(const Problem<float>& problem) {
  const ParametersView<float> parameters = problem.parameters();
  const std::int64_t rows = parameters.classes * parameters.steps;
  const std::int64_t stride = cost_stride(parameters.classes, parameters.steps);
  std::vector<double> cost(static_cast<std::size_t>(problem.samples().total_steps() * stride));
  reference::cost_matrices(parameters, problem.samples(), cost.data());
  std::vector<double> elements;
  for (std::int64_t j = 0; j < problem.samples().total_steps(); ++j)
    elements.insert(elements.end(), cost.begin() + j * stride, cost.begin() + j * stride + rows);
  return elements;
}

/// What the costs of a problem in f16 may be off, [sum of T, C*K]: the products and sums of kernels/cost.hpp one after
/// the other, each matrix product with the error that it may make. `rounded`: HalfProblem::rounded().
inline std::vector<double> cost_bounds(const Problem<float>& rounded) {
  const ParametersView<float> parameters = rounded.parameters();
  const SamplesView<float> samples = rounded.samples();
  const std::int64_t rows = parameters.classes * parameters.steps, width = parameters.feature_dim;
  std::vector<double> bounds;
  for (std::int64_t j = 0; j < samples.total_steps(); ++j) {
    const float* const m = samples.features + (samples.offsets[0] + j) * width;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t first = (row % parameters.classes * parameters.steps + row / parameters.classes) * width;
      const float *const c = parameters.centroids + first, *const u = parameters.weights + first;
      double sum = 0, bound = 0, relu = 0;
      for (std::int64_t f = 0; f < width; ++f) {
        const double product = static_cast<double>(u[f]) * c[f];
        sum += f % 16 < 8 ? -product : product;
      }
      bound = std::abs(sum) * kRoundoff;
      for (std::int64_t chunk = 0; chunk < width; chunk += 16) {
        for (const bool linear : {true, false}) {
          double largest = std::abs(sum);
          for (std::int64_t f = chunk; f < std::min(chunk + 16, width); ++f) {
            const double above = std::max(static_cast<double>(m[f]) - c[f], 0.0);
            if (!linear && f % 16 >= 8) relu += 2 * u[f] * above * kHalfRoundoff;
            const double term = linear ? -static_cast<double>(u[f]) * m[f]
                                       : 2.0 * u[f] * (f % 16 < 8 ? std::max(c[f], m[f]) : above * (1 + kHalfRoundoff));
            sum += term;
            largest = std::max(largest, std::abs(term));
          }
          bound += 18 * 0x1p-23 * (std::max(largest, std::abs(sum)) + bound);
        }
      }
      bounds.push_back(bound + relu);
    }
  }
  return bounds;
}

}  // namespace alignment::kernels::testing
