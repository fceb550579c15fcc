#pragma once

#include <cstdint>
#include <vector>

#include "src/lrprop/evaluation/pooled_frames.hpp"

namespace alignment::lrprop {

/// Ordinary least squares with an intercept, a regression a column of the targets.
///
/// Rows and targets are centred by their means; of all coefficients of smallest error those of smallest norm, by a
/// singular value decomposition: singular values below max(N,E) 2^-52 of the largest count as 0. Takes memory for
/// E (E + columns) numbers and a block of rows, whatever N.
class LeastSquares {
 public:
  /// `targets` [N,columns] for the N frames of `frames`, at least one.
  LeastSquares(const PooledFrames& frames, const std::vector<double>& targets, std::int64_t columns);

  /// [N,columns] for the frames of `frames`.
  [[nodiscard]] std::vector<double> predict(const PooledFrames& frames) const;

  [[nodiscard]] const std::vector<double>& coefficients() const { return coefficients_; }  ///< [columns,E]

 private:
  std::int64_t width_, columns_;
  std::vector<double> row_means_;     ///< [E]
  std::vector<double> target_means_;  ///< [columns]
  std::vector<double> coefficients_;
};

}  // namespace alignment::lrprop
