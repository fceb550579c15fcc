#include "src/dejavid/cuda/aligner.hpp"

#include <algorithm>
#include <utility>

#include "kernels/along_path.hpp"
#include "kernels/loss.hpp"

namespace alignment::dejavid {
namespace {

int multiprocessors() {
  int device = 0, count = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
  return count;
}

}  // namespace

CudaAligner::CudaAligner(Dataset& dataset, const Model& model, const std::vector<std::int64_t>& kept,
                         CudaStream& stream, CudaBatches::Wait wait)
    : store_(dataset.store),
      stream_(stream),
      wait_(wait),
      parameters_(model, stream),
      batches_(dataset, model, kept, stream, std::move(wait)),
      part_count_(kernels::cuda::distance_parts(model.steps, model.feature_dim)),
      half_part_count_(kernels::cuda::half_distance_parts(model.steps, model.feature_dim)),
      processors_(multiprocessors()) {}

void CudaAligner::start(std::vector<std::vector<std::int64_t>> batches, PathSource source, AlignerOutput wanted) {
  wanted_ = wanted;
  const bool live = source == PathSource::kLive;
  const SearchParameters& searched =
      live ? parameters_.live_packed(PathPrecision::kF32) : parameters_.frozen_packed(PathPrecision::kF32);
  batches_.start(batches, &searched, live ? SearchOutput::kPathsAndDistances : SearchOutput::kPaths);
  handed_out_ = 0;
  reserve();
}

void CudaAligner::reserve() {
  const CudaPlan& plan = batches_.plan();
  std::int64_t most = 0, most_in_group = 0;
  for (const SampleRun& batch : plan.batches) most = std::max(most, batch.count);
  for (std::int64_t group = 0; group < plan.group_count(); ++group) {
    most_in_group = std::max(most_in_group, plan.first_sample(group + 1) - plan.first_sample(group));
  }
  parts_.reserve_with_spare(std::max(part_count_, half_part_count_) * most * parameters_.extents().classes);
  distances_.reserve_with_spare(most * parameters_.extents().classes);
  host_distances_.reserve_with_spare(most_in_group * parameters_.extents().classes);
  host_paths_.reserve_with_spare(most_in_group * path_size());
}

/// Numbers that the paths of a sample take in host memory.
std::int64_t CudaAligner::path_size() const {
  const kernels::Extents& extents = parameters_.extents();
  return wanted_ == AlignerOutput::kDistances ? 0 : extents.classes * (extents.steps - 1);
}

const double* CudaAligner::distances(const CudaBatch& batch) {
  if (batch.distances != nullptr) return batch.distances;
  kernels::cuda::distances_along_paths(parameters_.live(), batch.samples, batch.breakpoints, parts_.data(), processors_,
                                       stream_.get());
  kernels::cuda::add_distance_parts(parts_.data(), part_count_, batch.samples.count, parameters_.extents().classes,
                                    distances_.data(), stream_.get());
  return distances_.data();
}

const double* CudaAligner::distances(const kernels::cuda::HalfPaths& paths) {
  kernels::cuda::distances_along_paths(parameters_.live(), paths, parts_.data(), processors_, stream_.get());
  kernels::cuda::add_distance_parts(parts_.data(), half_part_count_, paths.count, parameters_.extents().classes,
                                    distances_.data(), stream_.get());
  return distances_.data();
}

/// Enqueues what the group's batches need and waits for their distances. Their features stay in pinned memory until the
/// group after is asked for.
void CudaAligner::ask_for_group(std::int64_t group) {
  const CudaPlan& plan = batches_.plan();
  double* host = host_distances_.data();
  std::int32_t* host_paths = host_paths_.data();
  group_.clear();
  for (std::int64_t b = plan.first_batch(group); b < plan.last_batch(group); ++b) {
    const CudaBatch& batch = group_.emplace_back(batches_.next());
    const std::int64_t count = batch.samples.count * parameters_.extents().classes;
    if (count > 0) copy_to_host(distances(batch), std::span(host, static_cast<std::size_t>(count)), stream_);
    host += count;
    const std::int64_t in_paths = batch.samples.count * path_size();
    if (in_paths > 0)
      copy_to_host(batch.breakpoints, std::span(host_paths, static_cast<std::size_t>(in_paths)), stream_);
    host_paths += in_paths;
    batches_.release();
  }
  stream_.record(arrived_);
  wait_(arrived_.get());
}

AlignedBatch CudaAligner::next() {
  const CudaPlan& plan = batches_.plan();
  const std::int64_t group = plan.group_of(handed_out_), in_group = handed_out_ - plan.first_batch(group);
  if (in_group == 0) ask_for_group(group);
  const SampleRun& run = plan.batches[static_cast<std::size_t>(handed_out_++)];
  const CudaBatch& batch = group_[static_cast<std::size_t>(in_group)];
  const std::span<const double> host(
      host_distances_.data() + (run.first - plan.first_sample(group)) * parameters_.extents().classes,
      static_cast<std::size_t>(run.count * parameters_.extents().classes));
  const std::span<const std::int32_t> paths(host_paths_.data() + (run.first - plan.first_sample(group)) * path_size(),
                                            static_cast<std::size_t>(run.count * path_size()));
  features_.clear();
  const std::byte* rows = batch.features.data();
  for (std::size_t b = 0; rows != nullptr && b < batch.indices.size(); ++b) {
    const std::int64_t length = store_.length(batch.indices[b]), feature_dim = store_.feature_dim();
    if (store_.has_half_precision()) {
      features_.push_back({nullptr, length, feature_dim, false, reinterpret_cast<const std::uint16_t*>(rows)});
    } else {
      features_.push_back({reinterpret_cast<const float*>(rows), length, feature_dim, false, nullptr});
    }
    rows += length * feature_dim * (store_.has_half_precision() ? 2 : 4);
  }
  return {batch.indices, features_, host, paths};
}

}  // namespace alignment::dejavid
