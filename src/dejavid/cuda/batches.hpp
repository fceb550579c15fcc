#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "kernels/search_precision.hpp"
#include "src/dejavid/cuda/parameters.hpp"
#include "src/dejavid/cuda/plan.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/gpu/memory.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// One batch in GPU memory.
struct CudaBatch {
  std::span<const std::int64_t> indices;  ///< [B] of the store, in host memory
  std::span<const std::byte> features;    ///< [sum of T, F] in host memory, in the width of the store; empty where
                                          ///< features are kept on the GPU
  kernels::cuda::Samples samples;
  const std::int32_t* labels = nullptr;  ///< [B]
  std::int32_t* breakpoints = nullptr;   ///< [B,C,K-1]
  const double* distances = nullptr;     ///< [B,C] of the parameters searched with, along the paths, there once these
                                         ///< are; nullptr where the pass was not asked for them
};

/// What is wanted of a search ahead. Only a search in f32 knows the paths' own distances.
enum class SearchOutput : std::uint8_t { kPaths, kPathsAndDistances };

/// How much memory preparing batches may take.
struct BatchLimits {
  /// Pinned memory, breakpoints and the paths' own distances of a group of batches, unless one batch takes more.
  std::int64_t group_bytes = std::int64_t{256} << 20U;
  /// Cost matrices and decisions of a search, unless one sample takes more; nor more than an eighth of what is free.
  std::size_t search_bytes = std::size_t{3} << 29U;
};

/// Brings batches into GPU memory, and searches their paths, ahead of a stream that uses them (the "user"): uploads on
/// one stream of its own, searches on another, which the GPU serves last.
///
/// The host waits for the GPU only where pinned memory is to be filled again: for the upload of a group of batches,
/// which can only have been held up by the uses of the second group before it.
class CudaBatches {
 public:
  using Wait = std::function<void(cudaEvent_t)>;

  /// `kept`: samples whose features stay in GPU memory once they were there, and the only ones that passes may then
  /// have; none: every pass uploads anew. `user` and `wait`, which waits for an event, must outlive this.
  CudaBatches(Dataset& dataset, const Model& shape, const std::vector<std::int64_t>& kept, CudaStream& user, Wait wait,
              const BatchLimits& limits = {});
  ~CudaBatches();
  CudaBatches(const CudaBatches&) = delete;
  CudaBatches& operator=(const CudaBatches&) = delete;

  /// Begins a pass, once all is done that the user stream has been given. `parameters`: to search every batch's paths
  /// with, ahead; or nullptr: search() is called for each batch instead, in f32 where distances are wanted. Drops what
  /// is left of the pass before.
  void start(const std::vector<std::vector<std::int64_t>>& batches, const SearchParameters* parameters,
             SearchOutput wanted = SearchOutput::kPaths);
  [[nodiscard]] const CudaPlan& plan() const { return plan_; }

  /// The coming batch: what the user stream is given from here on finds it there.
  [[nodiscard]] CudaBatch next();
  /// Paths of the batch that next() returned, on the user stream.
  void search(const SearchParameters& parameters);
  /// What was enqueued by now is all that uses the batch that next() returned. Prepares some of what is to come.
  void release();

 private:
  /// What a group of batches needs; two take turns.
  struct GroupBuffers {
    PinnedBuffer<std::byte> uploads;         ///< features on their way, row after row, in the width of the store
    DeviceBuffer<std::int32_t> breakpoints;  ///< of the group's samples
    DeviceBuffer<double> distances;          ///< of the group's samples, where they are wanted
    CudaEvent uploaded, searched, released;
    std::vector<std::span<const std::byte>> uploaded_features;  ///< of every batch, within `uploads`
  };

  [[nodiscard]] GroupBuffers& buffers_of(std::int64_t group) {
    return group_buffers_[static_cast<std::size_t>(group % 2)];
  }
  [[nodiscard]] kernels::cuda::Samples samples(const SampleRun& run) const;
  /// Of a row of the store.
  [[nodiscard]] std::int64_t row_bytes() const { return stored_dim_ * kernels::cuda::feature_bytes(stored_type_); }
  void place(const io::SampleBatch& read, std::size_t first, std::size_t last, std::int64_t row);
  [[nodiscard]] std::int64_t breakpoints_per_sample() const { return classes_ * (steps_ - 1); }
  void reserve();
  void upload_plan();
  void prepare();
  void upload(std::int64_t batch);
  void search_group(std::int64_t group);
  void search_piece(const SampleRun& piece, std::int64_t group, const SearchParameters& parameters, CudaStream& stream);
  [[nodiscard]] std::int32_t* breakpoints(std::int64_t sample, std::int64_t group);
  [[nodiscard]] double* distances(std::int64_t sample, std::int64_t group);  ///< nullptr where they are not wanted
  void require_distances(const SearchParameters& parameters) const;
  [[nodiscard]] std::size_t workspace_bytes(const kernels::cuda::Samples& extents) const;

  Dataset& dataset_;
  CudaStream& user_;
  Wait wait_;
  std::int64_t classes_, steps_;
  std::int64_t feature_dim_, stored_dim_;  ///< in GPU memory; in the store and on the way
  bool diagonal_;
  kernels::cuda::FeatureType stored_type_, type_;  ///< in the store and on the way; in GPU memory
  std::vector<std::int64_t> kept_rows_;  ///< [samples of the store] place of each, -1: none; empty: none is kept
  std::vector<bool> present_;            ///< [samples of the store] kept and uploaded
  BatchLimits limits_;

  CudaPlan plan_;
  bool search_ahead_ = false;
  SearchOutput wanted_ = SearchOutput::kPaths;
  SearchParameters parameters_;  ///< to search ahead with
  std::int64_t taken_ = 0;       ///< batches that next() gave
  std::int64_t prepared_ = 0;    ///< batches whose upload is enqueued

  CudaStream upload_stream_{StreamPriority::kMiddle};
  CudaStream path_stream_{StreamPriority::kLowest};
  std::array<GroupBuffers, 2> group_buffers_;
  DeviceBuffer<std::byte> features_;  ///< rows as kernels::cuda::Samples describes them
  DeviceBuffer<std::byte> staging_;   ///< one batch's features as they come from the host
  DeviceBuffer<std::int64_t> rows_;
  DeviceBuffer<std::int32_t> labels_, offsets_;
  DeviceBuffer<std::byte> path_workspace_;
};

}  // namespace alignment::dejavid
