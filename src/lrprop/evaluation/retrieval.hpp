#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dist/communicator.hpp"
#include "kernels/pairwise.hpp"

namespace alignment::lrprop {

/// The nearest frames of every query that this rank has met so far. 16 bytes a query and place.
class NearestFrames {
 public:
  NearestFrames(std::int64_t queries, std::int64_t kept);

  [[nodiscard]] std::int64_t kept() const { return kept_; }
  [[nodiscard]] std::int64_t queries() const { return queries_; }
  /// The lists from query `first` on, for compare_rows() to merge into.
  [[nodiscard]] kernels::NearestLists lists(std::int64_t first);

  /// Collective. Joins every rank's lists of the queries [first, first + count) into rank 0's.
  void join(std::int64_t first, std::int64_t count, dist::Communicator& communicator);

 private:
  std::int64_t queries_ = 0, kept_ = 0;
  std::vector<double> squares_;           ///< [queries,K]
  std::vector<std::int64_t> candidates_;  ///< [queries,K]
};

/// Queries of one video, which are retrieved from all other videos.
struct QueryVideo {
  std::int64_t first = 0, count = 0;  ///< its frames among all
};

/// Average precision at every K of `k`: of each frame the share of its K nearest frames of other videos that have its
/// label, averaged over a video's frames, then over videos. Where there are fewer than K frames in other videos, of all
/// of them. `labels` of all frames; at least two videos, none without frames.
///
/// Collective; the result, [k], is the same on every rank and for every number of ranks. Uses up `nearest`.
[[nodiscard]] std::vector<double> average_precision(NearestFrames& nearest, const std::vector<std::int32_t>& labels,
                                                    const std::vector<QueryVideo>& videos,
                                                    std::span<const std::int64_t> k, dist::Communicator& communicator);

}  // namespace alignment::lrprop
