#include "src/operations/weighted_dtw.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/along_path.hpp"
#include "kernels/parallel.hpp"
#include "kernels/warp.hpp"
#include "src/operations/finite.hpp"
#include "src/operations/scratch.hpp"

namespace alignment::operations {
namespace {

using kernels::BlockedParameters;
using kernels::BlockedSamples;
using kernels::cpu::even_chunk;
using kernels::cpu::parallel_for;

/// Samples whose gradients are added in f32; what they give is added in f64.
constexpr std::int64_t kGradientGroup = 8;

template <typename Real>
void require_finite(const char* name, const Real* numbers, std::int64_t count) {
  const Real* const found = first_not_finite(numbers, count);
  if (found == nullptr) return;
  throw std::invalid_argument(std::string(name) + ": found " + std::to_string(*found) + "; expected finite numbers");
}

template <typename Real>
std::vector<Real> weights_of(const WeightedDtw<Real>& input, int threads) {
  std::vector<Real> weights(static_cast<std::size_t>(input.extents.element_count()));
  parallel_for(threads, input.extents.element_count(), 4096, [&](std::int64_t element, int) {
    weights[static_cast<std::size_t>(element)] = std::exp(input.log_weights[element]);
  });
  const auto largest = std::max_element(weights.begin(), weights.end());
  if (!std::isfinite(*largest)) {
    throw std::invalid_argument("log_weights: found " + std::to_string(input.log_weights[largest - weights.begin()]) +
                                ", whose exponential is infinite; expected smaller ones");
  }
  return weights;
}

template <typename Real>
void require_finite(const WeightedDtw<Real>& input) {
  const std::int64_t feature_dim = input.extents.feature_dim;
  require_finite("centroids", input.centroids, input.extents.element_count());
  require_finite("log_weights", input.log_weights, input.extents.element_count());
  for (std::int64_t b = 0; b < input.samples.count; ++b) {
    require_finite_rows("features", input.samples.sample(b), input.samples.length(b), feature_dim,
                        "sample " + std::to_string(b));
  }
}

/// Samples in the layout of the kernels in f32.
class SampleBlocks {
 public:
  SampleBlocks(const kernels::SamplesView<float>& samples, int threads)
      : samples_(samples), blocks_(kernels::blocked_count(samples.total_steps(), samples.feature_dim)) {
    features_.resize(static_cast<std::size_t>(samples.count));
    parallel_for(threads, samples.count, 1, [&](std::int64_t b, int) {
      float* const sample =
          blocks_.data() + kernels::blocked_count(samples.offsets[b] - samples.offsets[0], samples.feature_dim);
      kernels::cpu::to_blocks(samples.sample(b), samples.length(b), samples.feature_dim, sample, 1);
      features_[static_cast<std::size_t>(b)] = sample;
    });
  }
  [[nodiscard]] BlockedSamples view() const {
    return {features_.data(), samples_.offsets, samples_.count, samples_.feature_dim};
  }

 private:
  kernels::SamplesView<float> samples_;
  Scratch<float> blocks_;
  std::vector<const float*> features_;
};

void search(const WeightedDtw<float>& input, bool diagonal, double* distances, std::int32_t* breakpoints, int threads) {
  const auto [classes, steps, feature_dim] = input.extents;
  const std::vector<float> weights = weights_of(input, threads);
  Scratch<float> panels(kernels::packed_parameter_count(classes, steps, feature_dim));
  const kernels::PackedParameters packed = kernels::cpu::pack_parameters(
      {input.centroids, weights.data(), classes, steps, feature_dim}, panels.data(), threads);
  const SampleBlocks blocks(input.samples, threads);
  Scratch<std::byte> workspace(
      static_cast<std::int64_t>(kernels::cpu::search_paths_workspace_bytes(packed, blocks.view(), threads)));
  kernels::cpu::search_paths(packed, blocks.view(), diagonal, breakpoints, distances, workspace.data(), threads);
}

void search(const WeightedDtw<double>& input, bool diagonal, double* distances, std::int32_t* breakpoints,
            int threads) {
  const auto [classes, steps, feature_dim] = input.extents;
  const std::vector<double> weights = weights_of(input, threads);
  const kernels::ParametersView<double> parameters{input.centroids, weights.data(), classes, steps, feature_dim};
  parallel_for(threads, input.samples.count, 1, [&, classes = classes, steps = steps](std::int64_t b, int) {
    kernels::reference::search_paths(parameters, input.samples.slice(b, 1), diagonal,
                                     breakpoints + b * classes * (steps - 1), distances + b * classes);
  });
}

/// A path that a gradient follows must lie within its sample.
template <typename Real>
void require_paths(const WeightedDtw<Real>& input, const std::int32_t* breakpoints) {
  const std::int64_t classes = input.extents.classes, steps = input.extents.steps;
  for (std::int64_t path = 0; path < input.samples.count * classes; ++path) {
    std::int64_t first = 0;  // column of a row
    bool within = true;
    for (std::int64_t i = 0; i < steps - 1; ++i) {
      const std::int64_t breakpoint = breakpoints[path * (steps - 1) + i];
      const std::int64_t last = breakpoint >= 0 ? breakpoint : ~breakpoint;
      within = within && last >= first;
      first = breakpoint >= 0 ? last : last + 1;
    }
    if (within && first < input.samples.length(path / classes)) continue;
    throw std::invalid_argument("breakpoints: found a path of sample " + std::to_string(path / classes) +
                                " that leaves it; expected what weighted_dtw returned for these samples");
  }
}

void parameter_gradient(const WeightedDtw<float>& input, const std::vector<float>& weights,
                        const std::int32_t* breakpoints, const float* distance_gradient, float* centroid_gradient,
                        float* log_weight_gradient, int threads) {
  const auto [classes, steps, feature_dim] = input.extents;
  const std::int64_t rows = classes * steps, count = kernels::blocked_count(rows, feature_dim);
  Scratch<float> centroid_blocks(count), weight_blocks(count);
  Scratch<double> slope_sum(count), magnitude_sum(count);
  kernels::cpu::to_blocks(input.centroids, rows, feature_dim, centroid_blocks.data(), threads);
  kernels::cpu::to_blocks(weights.data(), rows, feature_dim, weight_blocks.data(), threads);
  std::fill_n(slope_sum.data(), count, 0.0);
  std::fill_n(magnitude_sum.data(), count, 0.0);
  if (input.samples.count > 0) {
    const BlockedParameters parameters{centroid_blocks.data(), weight_blocks.data(), classes, steps, feature_dim};
    const SampleBlocks blocks(input.samples, threads);
    Scratch<std::byte> workspace(static_cast<std::int64_t>(
        kernels::cpu::gradient_workspace_bytes(parameters, blocks.view(), kGradientGroup, threads)));
    kernels::cpu::gradient_along_paths(parameters, blocks.view(), breakpoints, distance_gradient,
                                       kernels::TieSign::kZero, kGradientGroup, slope_sum.data(), magnitude_sum.data(),
                                       workspace.data(), threads);
  }
  parallel_for(threads, rows, even_chunk(rows, threads), [&, width = feature_dim](std::int64_t row, int) {
    for (std::int64_t f = 0; f < width; ++f) {
      const std::int64_t first = f / kernels::kBlockFeatures * kernels::kBlockFeatures;
      const std::int64_t at = kernels::block_offset(rows, width, first, row) + f - first, element = row * width + f;
      const auto weight = static_cast<double>(weights[static_cast<std::size_t>(element)]);
      centroid_gradient[element] = static_cast<float>(weight * slope_sum.data()[at]);
      log_weight_gradient[element] = static_cast<float>(weight * magnitude_sum.data()[at]);
    }
  });
}

void parameter_gradient(const WeightedDtw<double>& input, const std::vector<double>& weights,
                        const std::int32_t* breakpoints, const double* distance_gradient, double* centroid_gradient,
                        double* log_weight_gradient, int /*threads*/) {
  const auto [classes, steps, feature_dim] = input.extents;
  const std::int64_t count = input.extents.element_count();
  std::fill_n(centroid_gradient, count, 0.0);
  std::fill_n(log_weight_gradient, count, 0.0);
  kernels::reference::gradient_along_paths({input.centroids, weights.data(), classes, steps, feature_dim},
                                           input.samples, breakpoints, distance_gradient, kernels::TieSign::kZero,
                                           centroid_gradient, log_weight_gradient);
  for (std::int64_t element = 0; element < count; ++element) {
    centroid_gradient[element] *= weights[static_cast<std::size_t>(element)];
    log_weight_gradient[element] *= weights[static_cast<std::size_t>(element)];
  }
}

}  // namespace

template <typename Real>
void weighted_dtw(const WeightedDtw<Real>& input, bool diagonal, Real* distances, std::int32_t* breakpoints,
                  int threads) {
  require_finite(input);
  if (input.samples.count == 0) return;
  const std::int64_t pairs = input.samples.count * input.extents.classes;
  std::vector<double> found(static_cast<std::size_t>(pairs));
  search(input, diagonal, found.data(), breakpoints, threads);
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    distances[pair] = static_cast<Real>(found[static_cast<std::size_t>(pair)]);
    if (std::isfinite(distances[pair])) continue;
    throw std::invalid_argument("features, centroids and log_weights: found a distance of sample " +
                                std::to_string(pair / input.extents.classes) + " to class " +
                                std::to_string(pair % input.extents.classes) +
                                " that is too large for their type; expected a finite one; scale them down");
  }
}

template <typename Real>
void weighted_dtw_parameter_gradient(const WeightedDtw<Real>& input, const std::int32_t* breakpoints,
                                     const Real* distance_gradient, Real* centroid_gradient, Real* log_weight_gradient,
                                     int threads) {
  require_paths(input, breakpoints);
  parameter_gradient(input, weights_of(input, threads), breakpoints, distance_gradient, centroid_gradient,
                     log_weight_gradient, threads);
}

template <typename Real>
void weighted_dtw_feature_gradient(const WeightedDtw<Real>& input, const std::int32_t* breakpoints,
                                   const Real* distance_gradient, Real* feature_gradient, int threads) {
  const auto [classes, steps, feature_dim] = input.extents;
  require_paths(input, breakpoints);
  const std::vector<Real> weights = weights_of(input, threads);
  kernels::cpu::feature_gradient_along_paths<Real>({input.centroids, weights.data(), classes, steps, feature_dim},
                                                   input.samples, breakpoints, distance_gradient, feature_gradient,
                                                   threads);
}

template void weighted_dtw(const WeightedDtw<float>&, bool, float*, std::int32_t*, int);
template void weighted_dtw(const WeightedDtw<double>&, bool, double*, std::int32_t*, int);
template void weighted_dtw_parameter_gradient(const WeightedDtw<float>&, const std::int32_t*, const float*, float*,
                                              float*, int);
template void weighted_dtw_parameter_gradient(const WeightedDtw<double>&, const std::int32_t*, const double*, double*,
                                              double*, int);
template void weighted_dtw_feature_gradient(const WeightedDtw<float>&, const std::int32_t*, const float*, float*, int);
template void weighted_dtw_feature_gradient(const WeightedDtw<double>&, const std::int32_t*, const double*, double*,
                                            int);

}  // namespace alignment::operations
