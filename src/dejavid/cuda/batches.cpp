#include "src/dejavid/cuda/batches.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "kernels/slope.hpp"

namespace alignment::dejavid {

using kernels::cuda::FeatureType;
using kernels::cuda::Samples;

CudaBatches::CudaBatches(Dataset& dataset, const Model& shape, const std::vector<std::int64_t>& kept, CudaStream& user,
                         Wait wait, const BatchLimits& limits)
    : dataset_(dataset),
      user_(user),
      wait_(std::move(wait)),
      classes_(shape.classes),
      steps_(shape.steps),
      feature_dim_(shape.feature_dim),
      stored_dim_(dataset.store.feature_dim()),
      diagonal_(shape.diagonal),
      stored_type_(dataset.store.has_half_precision() ? FeatureType::kFloat16 : FeatureType::kFloat32),
      type_(dataset.needs.slopes ? FeatureType::kFloat32 : stored_type_),  // slopes of halves are none
      limits_(limits) {
  if (!kept.empty()) {
    kept_rows_.assign(static_cast<std::size_t>(dataset.store.sample_count()), -1);
    present_.resize(kept_rows_.size());
    std::int64_t rows = 0;
    for (const std::int64_t sample : kept) {
      std::int64_t& row = kept_rows_[static_cast<std::size_t>(sample)];
      if (row >= 0) continue;
      row = rows;
      rows += dataset.store.length(sample);
    }
    features_.reserve(rows * kernels::cuda::feature_stride(feature_dim_) * kernels::cuda::feature_bytes(type_));
  }
  std::size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  limits_.search_bytes = std::min(limits_.search_bytes, free / 8);
}

CudaBatches::~CudaBatches() {
  static_cast<void>(cudaDeviceSynchronize());  // copies from pinned memory may be under way
}

void CudaBatches::start(const std::vector<std::vector<std::int64_t>>& batches, const SearchParameters* parameters,
                        SearchOutput wanted) {
  user_.finish();  // what an earlier pass has left on the streams, and the parameters
  path_stream_.finish();
  upload_stream_.finish();
  search_ahead_ = parameters != nullptr;
  wanted_ = wanted;
  if (search_ahead_) {
    require_distances(*parameters);
    parameters_ = *parameters;
  }
  PlanLimits limits;
  limits.group_samples_bytes = limits_.group_bytes;
  limits.feature_bytes = kernels::cuda::feature_bytes(stored_type_);
  limits.path_bytes = breakpoints_per_sample() * static_cast<std::int64_t>(sizeof(std::int32_t));
  if (wanted_ == SearchOutput::kPathsAndDistances)
    limits.path_bytes += classes_ * static_cast<std::int64_t>(sizeof(double));
  limits.pieces_within_batches = !search_ahead_;
  limits.fits = [this](Samples extents) {
    extents.feature_dim = feature_dim_;
    return workspace_bytes(extents) <= limits_.search_bytes;
  };
  plan_ = make_plan(dataset_.store, batches, kept_rows_, present_, limits);
  taken_ = prepared_ = 0;

  reserve();
  upload_plan();

  std::vector<std::vector<std::int64_t>> to_read;
  for (const std::vector<std::int64_t>& missing : plan_.missing) {
    if (!missing.empty()) to_read.push_back(missing);
  }
  dataset_.stream.start(std::move(to_read));
}

/// Room for the largest group of the plan.
void CudaBatches::reserve() {
  std::int64_t group_samples = 0, group_rows = 0, batch_rows = 0;
  std::size_t workspace = 0;
  for (std::int64_t group = 0; group < plan_.group_count(); ++group) {
    group_samples = std::max(group_samples, plan_.first_sample(group + 1) - plan_.first_sample(group));
    std::int64_t rows = 0;
    for (std::int64_t batch = plan_.first_batch(group); batch < plan_.last_batch(group); ++batch) {
      std::int64_t missing_rows = 0;
      for (const std::int64_t sample : plan_.missing[static_cast<std::size_t>(batch)]) {
        missing_rows += dataset_.store.length(sample);
      }
      batch_rows = std::max(batch_rows, missing_rows);
      rows += missing_rows;
    }
    group_rows = std::max(group_rows, rows);
    for (const SampleRun& piece : plan_.pieces[static_cast<std::size_t>(group)]) {
      workspace = std::max(workspace, workspace_bytes(samples(piece)));
    }
  }
  for (GroupBuffers& one : group_buffers_) {
    one.breakpoints.reserve_with_spare(group_samples * breakpoints_per_sample());
    if (wanted_ == SearchOutput::kPathsAndDistances) one.distances.reserve_with_spare(group_samples * classes_);
    one.uploads.reserve_with_spare(group_rows * row_bytes());
    one.uploaded_features.assign(static_cast<std::size_t>(plan_.group_size), {});
  }
  staging_.reserve_with_spare(batch_rows * row_bytes());
  path_workspace_.reserve_with_spare(workspace);
  if (kept_rows_.empty()) {
    features_.reserve_with_spare(2 * largest_group_rows(plan_) * kernels::cuda::feature_stride(feature_dim_) *
                                 kernels::cuda::feature_bytes(type_));
  }
}

void CudaBatches::upload_plan() {
  if (plan_.samples.empty()) return;
  rows_.reserve_with_spare(plan_.rows.size());
  labels_.reserve_with_spare(plan_.labels.size());
  offsets_.reserve_with_spare(plan_.offsets.size());
  copy_to_device(std::span<const std::int64_t>(plan_.rows), rows_.data(), upload_stream_);
  copy_to_device(std::span<const std::int32_t>(plan_.labels), labels_.data(), upload_stream_);
  copy_to_device(std::span<const std::int32_t>(plan_.offsets), offsets_.data(), upload_stream_);
  upload_stream_.finish();
}

CudaBatch CudaBatches::next() {
  const std::int64_t index = taken_, group = plan_.group_of(index);
  while (prepared_ < plan_.last_batch(group)) prepare();
  ++taken_;
  GroupBuffers& here = buffers_of(group);
  user_.wait(here.uploaded);
  if (search_ahead_) user_.wait(here.searched);

  const SampleRun& run = plan_.batches[static_cast<std::size_t>(index)];
  CudaBatch batch;
  batch.indices = std::span<const std::int64_t>(plan_.samples)
                      .subspan(static_cast<std::size_t>(run.first), static_cast<std::size_t>(run.count));
  if (kept_rows_.empty()) {
    batch.features = here.uploaded_features[static_cast<std::size_t>(index - plan_.first_batch(group))];
  }
  batch.samples = samples(run);
  batch.labels = labels_.data() + run.first;
  batch.breakpoints = breakpoints(run.first, group);
  batch.distances = distances(run.first, group);
  return batch;
}

void CudaBatches::release() {
  const std::int64_t group = plan_.group_of(taken_ - 1);
  if (taken_ == plan_.last_batch(group)) user_.record(buffers_of(group).released);
  if (prepared_ < std::min(plan_.batch_count(), plan_.last_batch(group + 1))) prepare();
}

/// Reads and uploads one more batch; with the last of a group, searches the group's paths.
void CudaBatches::prepare() {
  const std::int64_t batch = prepared_, group = plan_.group_of(batch);
  GroupBuffers& there = buffers_of(group);
  if (batch == plan_.first_batch(group)) {
    wait_(there.uploaded.get());
    upload_stream_.wait(there.released);  // and so do searches, which come after the group's uploads
  }
  upload(batch);
  ++prepared_;
  if (prepared_ < plan_.last_batch(group)) return;
  upload_stream_.record(there.uploaded);
  if (search_ahead_) search_group(group);
}

void CudaBatches::upload(std::int64_t batch) {
  const std::vector<std::int64_t>& missing = plan_.missing[static_cast<std::size_t>(batch)];
  if (missing.empty()) return;
  const io::SampleBatch& read = dataset_.next_batch();
  const std::int64_t group = plan_.group_of(batch);
  GroupBuffers& there = buffers_of(group);
  const auto in_group = static_cast<std::size_t>(batch - plan_.first_batch(group));
  std::byte* pinned = there.uploads.data();
  for (std::size_t before = 0; before < in_group; ++before) pinned += there.uploaded_features[before].size();
  std::byte* next = pinned;
  for (std::size_t b = 0; b < read.samples.size(); ++b) {
    const void* const rows =
        stored_type_ == FeatureType::kFloat16 ? static_cast<const void*>(read.halves[b]) : read.features[b];
    next = std::copy_n(static_cast<const std::byte*>(rows), read.length(b) * row_bytes(), next);
  }
  there.uploaded_features[in_group] = {pinned, next};
  copy_to_device(there.uploaded_features[in_group], staging_.data(), upload_stream_);

  const SampleRun& run = plan_.batches[static_cast<std::size_t>(batch)];
  const auto row_of = [&](std::size_t n) {
    return kept_rows_.empty() ? plan_.rows[static_cast<std::size_t>(run.first) + n]
                              : kept_rows_[static_cast<std::size_t>(missing[n])];
  };
  for (std::size_t first = 0, last = 0; first < missing.size(); first = last) {
    for (last = first + 1; last < missing.size(); ++last) {  // samples that lie one after the other go at once
      if (row_of(last) != row_of(last - 1) + read.offsets[last] - read.offsets[last - 1]) break;
    }
    place(read, first, last, row_of(first));
  }
  if (kept_rows_.empty()) return;
  for (const std::int64_t sample : missing) present_[static_cast<std::size_t>(sample)] = true;
}

/// Samples first .. last of what was read, from the staging memory to rows of features from `row` on.
void CudaBatches::place(const io::SampleBatch& read, std::size_t first, std::size_t last, std::int64_t row) {
  const auto staged = [&](std::size_t sample) { return staging_.data() + read.offsets[sample] * row_bytes(); };
  if (!dataset_.needs.slopes) {
    kernels::cuda::place_features(staged(first), read.offsets[last] - read.offsets[first], feature_dim_,
                                  features_.data(), type_, row, upload_stream_.get());
    return;
  }
  auto* const features = reinterpret_cast<float*>(features_.data());
  for (std::size_t sample = first; sample < last; ++sample) {
    kernels::cuda::place_with_slopes(staged(sample), stored_type_, read.length(sample), stored_dim_, features,
                                     row + read.offsets[sample] - read.offsets[first], upload_stream_.get());
  }
}

void CudaBatches::search_group(std::int64_t group) {
  GroupBuffers& there = buffers_of(group);
  path_stream_.wait(there.uploaded);
  for (const SampleRun& piece : plan_.pieces[static_cast<std::size_t>(group)]) {
    search_piece(piece, group, parameters_, path_stream_);
  }
  path_stream_.record(there.searched);
}

void CudaBatches::search(const SearchParameters& parameters) {
  require_distances(parameters);
  const std::int64_t index = taken_ - 1, group = plan_.group_of(index);
  const SampleRun& run = plan_.batches[static_cast<std::size_t>(index)];
  for (const SampleRun& piece : plan_.pieces[static_cast<std::size_t>(group)]) {
    const bool of_batch = piece.first >= run.first && piece.first < run.first + run.count;
    if (of_batch) search_piece(piece, group, parameters, user_);
  }
}

void CudaBatches::search_piece(const SampleRun& piece, std::int64_t group, const SearchParameters& parameters,
                               CudaStream& stream) {
  kernels::cuda::search_paths(parameters, samples(piece), diagonal_, breakpoints(piece.first, group),
                              path_workspace_.data(), stream.get(), distances(piece.first, group));
}

std::int32_t* CudaBatches::breakpoints(std::int64_t sample, std::int64_t group) {
  return buffers_of(group).breakpoints.data() + (sample - plan_.first_sample(group)) * breakpoints_per_sample();
}

double* CudaBatches::distances(std::int64_t sample, std::int64_t group) {
  if (wanted_ == SearchOutput::kPaths) return nullptr;
  return buffers_of(group).distances.data() + (sample - plan_.first_sample(group)) * classes_;
}

Samples CudaBatches::samples(const SampleRun& run) const {
  Samples samples;
  samples.features = features_.data();
  samples.type = type_;
  samples.first_rows = rows_.data() + run.first;
  samples.offsets = offsets_.data() + run.offsets_at;
  samples.count = run.count;
  samples.total_steps = run.total_steps;
  samples.longest = run.longest;
  samples.feature_dim = feature_dim_;
  return samples;
}

void CudaBatches::require_distances(const SearchParameters& parameters) const {
  if (wanted_ == SearchOutput::kPathsAndDistances && !std::holds_alternative<kernels::PackedParameters>(parameters)) {
    throw std::logic_error("distances of a search that is not in f32");
  }
}

/// What a search in f32 needs; no other precision needs more.
std::size_t CudaBatches::workspace_bytes(const Samples& extents) const {
  return kernels::cuda::search_paths_workspace_bytes(kernels::PackedParameters{nullptr, classes_, steps_, feature_dim_},
                                                     extents, diagonal_);
}

}  // namespace alignment::dejavid
