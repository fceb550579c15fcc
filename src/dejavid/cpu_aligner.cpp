#include "src/dejavid/cpu_aligner.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dejavid {

CpuAligner::CpuAligner(Dataset& dataset, const Model& model, kernels::TieSign tie_sign, int threads)
    : dataset_(dataset),
      classes_(model.classes),
      steps_(model.steps),
      feature_dim_(model.feature_dim),
      diagonal_(model.diagonal),
      tie_sign_(tie_sign),
      threads_(threads) {
  sums_.reserve(2 * kernels::blocked_count(classes_ * steps_, feature_dim_));
}

void CpuAligner::start(std::vector<std::vector<std::int64_t>> batches, PathSource source) {
  source_ = source;
  dataset_.stream.start(std::move(batches));
}

AlignedBatch CpuAligner::next() {
  const io::SampleBatch& batch = dataset_.stream.next();
  features_.clear();
  for (std::size_t b = 0; b < batch.samples.size(); ++b) features_.push_back(dataset_.features(batch, b));
  distances_.reserve(static_cast<std::int64_t>(batch.samples.size()) * classes_);
  if (source_ == PathSource::kLive) {  // the search has met the distances already
    search_paths(batch, source_, distances_.data());
    return {batch.samples, features_, distances_.span()};
  }
  search_paths(batch, source_);
  return {batch.samples, features_, distances()};
}

kernels::ParametersView<float> CpuAligner::weigh(std::span<const float> centroids, std::span<const float> log_weights,
                                                 std::vector<float>& weights) const {
  weights.resize(log_weights.size());
  const auto count = static_cast<std::int64_t>(log_weights.size());
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t element = 0; element < count; ++element) {
    const auto at = static_cast<std::size_t>(element);
    weights[at] = std::exp(log_weights[at]);
  }
  return {centroids.data(), weights.data(), classes_, steps_, feature_dim_};
}

void CpuAligner::set_live(std::span<const float> centroids, std::span<const float> log_weights) {
  live_centroids_.assign(centroids.begin(), centroids.end());
  weigh(live_centroids_, log_weights, live_weights_);
  live_packed_ = false;
  const std::int64_t rows = classes_ * steps_;
  kernels::cpu::to_blocks(live_centroids_.data(), rows, feature_dim_,
                          live_centroid_blocks_.reserve(kernels::blocked_count(rows, feature_dim_)), threads_);
  kernels::cpu::to_blocks(live_weights_.data(), rows, feature_dim_,
                          live_weight_blocks_.reserve(kernels::blocked_count(rows, feature_dim_)), threads_);
}

void CpuAligner::set_frozen(std::span<const float> centroids, std::span<const float> log_weights) {
  kernels::cpu::pack_parameters(weigh(centroids, log_weights, frozen_weights_),
                                frozen_panels_.reserve(kernels::packed_parameter_count(classes_, steps_, feature_dim_)),
                                threads_);
}

void CpuAligner::search_paths(const io::SampleBatch& batch, PathSource source, double* distances) {
  batch_ = &batch;
  const auto count = static_cast<std::int64_t>(batch.samples.size());
  breakpoints_.reserve(count * classes_ * (steps_ - 1));
  if (count == 0) return;
  if (source == PathSource::kLive && !live_packed_) {
    kernels::cpu::pack_parameters({live_centroids_.data(), live_weights_.data(), classes_, steps_, feature_dim_},
                                  live_panels_.reserve(kernels::packed_parameter_count(classes_, steps_, feature_dim_)),
                                  threads_);
    live_packed_ = true;
  }
  const kernels::PackedParameters parameters{source == PathSource::kLive ? live_panels_.data() : frozen_panels_.data(),
                                             classes_, steps_, feature_dim_};
  kernels::cpu::search_paths(
      parameters, batch_blocks(), diagonal_, breakpoints_.data(), distances,
      workspace_.reserve(kernels::cpu::search_paths_workspace_bytes(parameters, batch_blocks(), threads_)), threads_);
}

std::span<const double> CpuAligner::distances() {
  distances_.reserve(static_cast<std::int64_t>(batch_->samples.size()) * classes_);
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

bool CpuAligner::parameter_gradient(std::span<float> centroids, std::span<float> log_weights) const {
  const std::int64_t rows = classes_ * steps_;
  const double* const slope_sum = sums_.data();
  const double* const magnitude_sum = slope_sum + sums_.size() / 2;
  bool finite = true;
#pragma omp parallel for num_threads(threads_) schedule(static) reduction(&& : finite)
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t first = 0; first < feature_dim_; first += kernels::kBlockFeatures) {
      const std::int64_t block = kernels::block_offset(rows, feature_dim_, first, row);
      const std::int64_t last = std::min(first + kernels::kBlockFeatures, feature_dim_);
      for (std::int64_t f = first; f < last; ++f) {
        const auto element = static_cast<std::size_t>(row * feature_dim_ + f);
        const auto weight = static_cast<double>(live_weights_[element]);
        centroids[element] = static_cast<float>(weight * slope_sum[block + f - first]);
        log_weights[element] = static_cast<float>(weight * magnitude_sum[block + f - first]);
        finite = finite && std::isfinite(centroids[element]) && std::isfinite(log_weights[element]);
      }
    }
  }
  return finite;
}

kernels::BlockedParameters CpuAligner::live_blocks() const {
  return {live_centroid_blocks_.data(), live_weight_blocks_.data(), classes_, steps_, feature_dim_};
}

kernels::BlockedSamples CpuAligner::batch_blocks() const {
  return {batch_->features.data(), batch_->offsets.data(), static_cast<std::int64_t>(batch_->samples.size()),
          feature_dim_};
}

}  // namespace dejavid
