#include "src/dejavid/cuda_aligner.hpp"

#include <algorithm>
#include <utility>

#include "kernels/along_path.hpp"
#include "kernels/loss.hpp"

namespace dejavid {

CudaAligner::CudaAligner(Dataset& dataset, const Model& model, const std::vector<std::int64_t>& kept,
                         CudaStream& stream, CudaBatches::Wait wait)
    : store_(dataset.store),
      stream_(stream),
      wait_(wait),
      parameters_(model, stream),
      batches_(dataset, model, kept, stream, std::move(wait)),
      part_count_(kernels::cuda::distance_parts(model.steps, model.feature_dim)),
      half_part_count_(kernels::cuda::half_distance_parts(model.steps, model.feature_dim)) {}

void CudaAligner::start(std::vector<std::vector<std::int64_t>> batches, PathSource source) {
  const bool live = source == PathSource::kLive;
  const SearchParameters searched =
      live ? parameters_.live_packed(PathPrecision::kF32) : parameters_.frozen_packed(PathPrecision::kF32);
  batches_.start(batches, &searched, live ? Wanted::kPathsAndDistances : Wanted::kPaths);
  reserve();
}

void CudaAligner::reserve() {
  std::int64_t most = 0;
  for (const SampleRun& batch : batches_.plan().batches) most = std::max(most, batch.count);
  most *= parameters_.classes();
  parts_.reserve(std::max(part_count_, half_part_count_) * most);
  distances_.reserve(most);
  host_distances_.reserve(most);
}

const double* CudaAligner::distances(const CudaBatch& batch) {
  kernels::cuda::distances_along_paths(parameters_.live(), batch.samples, batch.breakpoints, parts_.data(),
                                       stream_.get());
  kernels::cuda::add_distance_parts(parts_.data(), part_count_, batch.samples.count, parameters_.classes(),
                                    distances_.data(), stream_.get());
  return distances_.data();
}

const double* CudaAligner::distances(const kernels::cuda::HalfPaths& paths, std::byte* workspace, int processors) {
  kernels::cuda::distances_along_paths(parameters_.live(), paths, parts_.data(), workspace, processors, stream_.get());
  kernels::cuda::add_distance_parts(parts_.data(), half_part_count_, paths.count, parameters_.classes(),
                                    distances_.data(), stream_.get());
  return distances_.data();
}

AlignedBatch CudaAligner::next() {
  const CudaBatch batch = batches_.next();
  const std::span<double> host(host_distances_.data(),
                               static_cast<std::size_t>(batch.samples.count * parameters_.classes()));
  if (!host.empty()) copy_to_host(batch.distances != nullptr ? batch.distances : distances(batch), host, stream_);
  stream_.record(arrived_);
  batches_.release();
  wait_(arrived_.get());
  features_.clear();
  const float* rows = batch.features.data();
  for (std::size_t b = 0; rows != nullptr && b < batch.indices.size(); ++b) {
    const std::int64_t length = store_.length(batch.indices[b]), feature_dim = store_.feature_dim();
    features_.push_back({rows, length, feature_dim, false});
    rows += length * feature_dim;
  }
  return {batch.indices, features_, host};
}

}  // namespace dejavid
