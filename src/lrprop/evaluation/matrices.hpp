#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "src/lrprop/evaluation/pooled_frames.hpp"

/// For the files that compute with Eigen. What takes part in sums is in memory of Eigen's own, which is always aligned
/// alike, so that sums are added in the same order every time.
namespace alignment::lrprop {

using Matrix = Eigen::MatrixXd;
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

/// Frames [first, first + count), [count,E].
[[nodiscard]] inline RowMatrix read_rows(const PooledFrames& frames, std::int64_t first, std::int64_t count) {
  RowMatrix rows(count, frames.width());
  frames.read(first, count, rows.data());
  return rows;
}

}  // namespace alignment::lrprop
