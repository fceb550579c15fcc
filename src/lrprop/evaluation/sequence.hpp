#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/pairwise.hpp"

namespace alignment::lrprop {

/// The frames of a video that are evaluated: those with a phase, or all of them where nobody has said any phase.
/// Moves, but is not copied: its rows may be its own.
template <typename Real>
class Sequence {
 public:
  /// Video: an EmbeddedVideo or PreciseVideo, which outlives the sequence.
  template <typename Video>
  explicit Sequence(const Video& video) : labelled_(!video.frame_labels.empty()) {
    view_ = {video.rows.data(), video.frames(), video.width};
    labels_ = video.frame_labels;
    std::vector<std::int64_t> kept;
    for (std::int64_t t = 0; t < video.frames(); ++t) {
      if (!labelled_ || labels_[static_cast<std::size_t>(t)] >= 0) kept.push_back(t);
    }
    keep(kept);
  }
  template <typename Video>
  explicit Sequence(const Video&& video) = delete;
  Sequence(Sequence&&) noexcept = default;
  Sequence& operator=(Sequence&&) noexcept = default;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;
  ~Sequence() = default;

  /// Frames 0, stride, 2 stride, ... of this sequence, which outlives the result.
  [[nodiscard]] Sequence strided(std::int64_t stride) const {
    Sequence result;
    result.labelled_ = labelled_;
    result.view_ = view_;
    result.labels_ = labels_;
    std::vector<std::int64_t> kept;
    for (std::int64_t t = 0; t < frames(); t += stride) kept.push_back(t);
    result.keep(kept);
    return result;
  }

  [[nodiscard]] const kernels::RowsView<Real>& rows() const { return view_; }
  [[nodiscard]] std::int64_t frames() const { return view_.count; }
  [[nodiscard]] bool labelled() const { return labelled_; }
  /// [frames] phases from 0; empty where not labelled.
  [[nodiscard]] const std::vector<std::int32_t>& labels() const { return labels_; }

 private:
  Sequence() = default;
  /// Leaves only these frames, in ascending order; all of them stay where they lie.
  void keep(const std::vector<std::int64_t>& kept) {
    if (static_cast<std::int64_t>(kept.size()) == view_.count) return;
    std::vector<Real> rows;
    rows.reserve(kept.size() * static_cast<std::size_t>(view_.width));
    for (std::size_t k = 0; k < kept.size(); ++k) {
      rows.insert(rows.end(), view_.row(kept[k]), view_.row(kept[k]) + view_.width);
      if (labelled_) labels_[k] = labels_[static_cast<std::size_t>(kept[k])];
    }
    if (labelled_) labels_.resize(kept.size());
    rows_ = std::move(rows);
    view_ = {rows_.data(), static_cast<std::int64_t>(kept.size()), view_.width};
  }

  bool labelled_ = false;
  std::vector<Real> rows_;  ///< unless they are someone else's
  kernels::RowsView<Real> view_;
  std::vector<std::int32_t> labels_;
};

}  // namespace alignment::lrprop
