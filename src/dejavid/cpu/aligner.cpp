#include "src/dejavid/cpu/aligner.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "kernels/parallel.hpp"

namespace alignment::dejavid {
namespace {

/// Exponentials that one thread takes at a time.
constexpr std::int64_t kElementsPerChunk = 4096;

}  // namespace

CpuAligner::CpuAligner(Dataset& dataset, const Model& model, kernels::TieSign tie_sign, int threads)
    : dataset_(dataset), extents_(model), diagonal_(model.diagonal), tie_sign_(tie_sign), threads_(threads) {
  sums_.reserve(2 * kernels::blocked_count(extents_.classes * extents_.steps, extents_.feature_dim));
}

void CpuAligner::start(std::vector<std::vector<std::int64_t>> batches, PathSource source, AlignerOutput wanted) {
  source_ = source;
  wanted_ = wanted;
  dataset_.stream.start(std::move(batches));
}

AlignedBatch CpuAligner::next() {
  const io::SampleBatch& batch = dataset_.next_batch();
  features_.clear();
  for (std::size_t b = 0; b < batch.samples.size(); ++b) features_.push_back(features_of(dataset_, batch, b));
  distances_.reserve(static_cast<std::int64_t>(batch.samples.size()) * extents_.classes);
  if (source_ == PathSource::kLive) {  // the search has met the distances already
    search_paths(batch, source_, distances_.data());
    return {batch.samples, features_, distances_.span(), paths()};
  }
  search_paths(batch, source_);
  return {batch.samples, features_, distances(), paths()};
}

void CpuAligner::take_over(const Parameters& given, SearchParameters& parameters) const {
  parameters.centroids = given.centroids;
  parameters.weights.resize(given.log_weights.size());
  parameters.packed = parameters.quantized = false;
  const auto count = static_cast<std::int64_t>(given.log_weights.size());
  kernels::cpu::parallel_for(threads_, count, kElementsPerChunk, [&](std::int64_t element, int) {
    const auto at = static_cast<std::size_t>(element);
    parameters.weights[at] = std::exp(given.log_weights[at]);
  });
}

void CpuAligner::set_live(const Parameters& live) {
  take_over(live, live_);
  const std::int64_t rows = extents_.classes * extents_.steps;
  kernels::cpu::to_blocks(live_.centroids.data(), rows, extents_.feature_dim,
                          live_centroid_blocks_.reserve(kernels::blocked_count(rows, extents_.feature_dim)), threads_);
  kernels::cpu::to_blocks(live_.weights.data(), rows, extents_.feature_dim,
                          live_weight_blocks_.reserve(kernels::blocked_count(rows, extents_.feature_dim)), threads_);
}

void CpuAligner::set_frozen(const Parameters& frozen) {
  take_over(frozen, frozen_);
}

CpuAligner::SearchParameters& CpuAligner::take_batch(const io::SampleBatch& batch, PathSource source) {
  batch_ = &batch;
  breakpoints_.reserve(static_cast<std::int64_t>(batch.samples.size()) * extents_.classes * (extents_.steps - 1));
  return source == PathSource::kLive ? live_ : frozen_;
}

void CpuAligner::search_paths(const io::SampleBatch& batch, PathSource source, double* distances) {
  SearchParameters& parameters = take_batch(batch, source);
  if (batch.samples.empty()) return;
  if (!parameters.packed) {
    kernels::cpu::pack_parameters(view_of(parameters),
                                  parameters.panels.reserve(kernels::packed_parameter_count(
                                      extents_.classes, extents_.steps, extents_.feature_dim)),
                                  threads_);
    parameters.packed = true;
  }
  const kernels::PackedParameters packed{parameters.panels.data(), extents_.classes, extents_.steps,
                                         extents_.feature_dim};
  kernels::cpu::search_paths(
      packed, batch_blocks(), diagonal_, breakpoints_.data(), distances,
      workspace_.reserve(kernels::cpu::search_paths_workspace_bytes(packed, batch_blocks(), threads_)), threads_);
}

void CpuAligner::search_quantized_paths(const io::SampleBatch& batch, PathSource source) {
  SearchParameters& parameters = take_batch(batch, source);
  if (batch.samples.empty()) return;
  if (!parameters.quantized) {
    parameters.quantized_view =
        kernels::cpu::quantize_parameters(view_of(parameters),
                                          parameters.bytes.reserve(kernels::cpu::quantized_parameter_bytes(
                                              extents_.classes, extents_.steps, extents_.feature_dim)),
                                          threads_);
    parameters.quantized = true;
  }
  kernels::cpu::search_quantized_paths(parameters.quantized_view, batch_blocks(), diagonal_, breakpoints_.data(),
                                       workspace_.reserve(kernels::cpu::search_quantized_paths_workspace_bytes(
                                           parameters.quantized_view, batch_blocks(), threads_)),
                                       threads_);
}

/// Of the batch at hand, where they are wanted.
std::span<const std::int32_t> CpuAligner::paths() const {
  return wanted_ == AlignerOutput::kDistances ? std::span<const std::int32_t>() : breakpoints_.span();
}

std::span<const double> CpuAligner::distances() {
  distances_.reserve(static_cast<std::int64_t>(batch_->samples.size()) * extents_.classes);
  if (batch_->samples.empty()) return {};
  kernels::cpu::distances_along_paths(
      live_blocks(), batch_blocks(), breakpoints_.data(), distances_.data(),
      workspace_.reserve(kernels::cpu::distances_workspace_bytes(live_blocks(), batch_blocks(), threads_)), threads_);
  return distances_.span();
}

void CpuAligner::compute_gradient(std::span<const float> distance_gradient, std::int64_t group) {
  std::fill(sums_.data(), sums_.data() + sums_.size(), 0.0);
  if (batch_->samples.empty()) return;
  double* const slope_sum = sums_.data();
  double* const magnitude_sum = slope_sum + sums_.size() / 2;
  kernels::cpu::gradient_along_paths(
      live_blocks(), batch_blocks(), breakpoints_.data(), distance_gradient.data(), tie_sign_, group, slope_sum,
      magnitude_sum,
      workspace_.reserve(kernels::cpu::gradient_workspace_bytes(live_blocks(), batch_blocks(), group, threads_)),
      threads_);
}

bool CpuAligner::parameter_gradient(Parameters& gradient) const {
  const std::span<float> centroids = gradient.centroids, log_weights = gradient.log_weights;
  const std::int64_t rows = extents_.classes * extents_.steps;
  const double* const slope_sum = sums_.data();
  const double* const magnitude_sum = slope_sum + sums_.size() / 2;
  std::atomic<bool> all_finite = true;
  kernels::cpu::parallel_for(threads_, rows, kernels::cpu::even_chunk(rows, threads_), [&](std::int64_t row, int) {
    bool finite = true;
    for (std::int64_t first = 0; first < extents_.feature_dim; first += kernels::kBlockFeatures) {
      const std::int64_t block = kernels::block_offset(rows, extents_.feature_dim, first, row);
      const std::int64_t last = std::min(first + kernels::kBlockFeatures, extents_.feature_dim);
      for (std::int64_t f = first; f < last; ++f) {
        const auto element = static_cast<std::size_t>(row * extents_.feature_dim + f);
        const auto weight = static_cast<double>(live_.weights[element]);
        centroids[element] = static_cast<float>(weight * slope_sum[block + f - first]);
        log_weights[element] = static_cast<float>(weight * magnitude_sum[block + f - first]);
        finite = finite && std::isfinite(centroids[element]) && std::isfinite(log_weights[element]);
      }
    }
    if (!finite) all_finite.store(false, std::memory_order_relaxed);
  });
  return all_finite;
}

kernels::BlockedParameters CpuAligner::live_blocks() const {
  return {live_centroid_blocks_.data(), live_weight_blocks_.data(), extents_.classes, extents_.steps,
          extents_.feature_dim};
}

kernels::BlockedSamples CpuAligner::batch_blocks() const {
  return {batch_->features.data(), batch_->offsets.data(), static_cast<std::int64_t>(batch_->samples.size()),
          extents_.feature_dim};
}

}  // namespace alignment::dejavid
