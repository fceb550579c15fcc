#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "io/store/tse_store.hpp"
#include "kernels/device.hpp"

namespace alignment::dejavid {

/// Consecutive samples of a pass over the data.
struct SampleRun {
  std::int64_t first = 0, count = 0;  ///< among the pass's samples
  std::int64_t total_steps = 0, longest = 0;
  std::int64_t offsets_at = 0;  ///< where its offsets begin in CudaPlan::offsets
};

/// How a pass over batches of samples goes through GPU memory, known before it begins.
///
/// Batches are prepared in groups, two of which are there at a time: while the batches of one are used, those of the
/// next are read, uploaded and searched. Paths of a group are searched in pieces of a size that the memory for cost
/// matrices allows.
struct CudaPlan {
  std::vector<std::int64_t> samples;  ///< [N] indices into the store, batch after batch
  std::vector<std::int64_t> rows;     ///< [N] where each sample lies in the array of features
  std::vector<std::int32_t> labels;   ///< [N]
  std::vector<std::int32_t> offsets;  ///< [count+1] of every batch and piece
  std::vector<SampleRun> batches;
  std::vector<std::vector<SampleRun>> pieces;      ///< of every group
  std::vector<std::vector<std::int64_t>> missing;  ///< of every batch: samples to read and upload
  std::int64_t group_size = 1;                     ///< batches in a group; the last may have fewer

  [[nodiscard]] std::int64_t batch_count() const { return static_cast<std::int64_t>(batches.size()); }
  [[nodiscard]] std::int64_t group_count() const { return static_cast<std::int64_t>(pieces.size()); }
  [[nodiscard]] std::int64_t group_of(std::int64_t batch) const { return batch / group_size; }
  [[nodiscard]] std::int64_t first_batch(std::int64_t group) const { return group * group_size; }
  [[nodiscard]] std::int64_t last_batch(std::int64_t group) const;    ///< one past it
  [[nodiscard]] std::int64_t first_sample(std::int64_t group) const;  ///< of group_count() too
};

/// What a plan keeps to.
struct PlanLimits {
  std::int64_t group_samples_bytes = 0;  ///< of what grows with a group: features uploaded and paths
  std::int64_t feature_bytes = 4;        ///< of one uploaded feature
  std::int64_t path_bytes = 0;           ///< of one sample's breakpoints, and distances where they are wanted
  bool pieces_within_batches = false;    ///< whether each batch is searched on its own
  /// Whether the paths of samples of these extents, but for their features, may be searched at once.
  std::function<bool(const kernels::cuda::Samples&)> fits;
};

/// The most batches in a group.
inline constexpr std::int64_t kMostBatchesInGroup = 8;

/// Plans a pass over `batches`. `kept_rows`: for every sample of the store its place in GPU memory, or -1; empty where
/// nothing is kept, and a group's samples lie one after the other, groups in turn in one of two places. `present`:
/// which of the kept ones are there already. Throws std::logic_error for a sample without a place.
[[nodiscard]] CudaPlan make_plan(const io::TseStore& store, const std::vector<std::vector<std::int64_t>>& batches,
                                 const std::vector<std::int64_t>& kept_rows, const std::vector<bool>& present,
                                 const PlanLimits& limits);

/// Rows of the largest group's samples: the size of each of the two places.
[[nodiscard]] std::int64_t largest_group_rows(const CudaPlan& plan);

}  // namespace alignment::dejavid
