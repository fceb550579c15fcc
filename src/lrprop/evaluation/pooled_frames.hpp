#pragma once

#include <algorithm>
#include <cstdint>
#include <variant>
#include <vector>

#include "src/lrprop/evaluation/sequence.hpp"

namespace alignment::lrprop {

/// The labelled frames of some videos, one video after the other: what a probe is trained or judged on. Rows stay where
/// they lie, and are read in f64.
class PooledFrames {
 public:
  /// `sequence` is labelled and outlives this.
  template <typename Real>
  void add(const Sequence<Real>& sequence) {
    firsts_.push_back(count());
    videos_.push_back(sequence.rows());
    labels_.insert(labels_.end(), sequence.labels().begin(), sequence.labels().end());
    width_ = sequence.rows().width;
  }

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(labels_.size()); }
  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] const std::vector<std::int32_t>& labels() const { return labels_; }
  /// Where each video begins.
  [[nodiscard]] const std::vector<std::int64_t>& firsts() const { return firsts_; }

  /// Frames [first, first + count) into rows [count,width].
  void read(std::int64_t first, std::int64_t count, double* rows) const;

 private:
  std::int64_t width_ = 0;
  std::vector<std::int64_t> firsts_;
  std::vector<std::variant<kernels::RowsView<float>, kernels::RowsView<double>>> videos_;
  std::vector<std::int32_t> labels_;
};

/// Calls visit(first, count) for consecutive blocks of [0, frames).
template <typename Visit>
void for_each_block(std::int64_t frames, std::int64_t block, Visit&& visit) {
  for (std::int64_t first = 0; first < frames; first += block) visit(first, std::min(block, frames - first));
}

}  // namespace alignment::lrprop
