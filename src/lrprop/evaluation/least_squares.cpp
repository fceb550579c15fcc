#include "src/lrprop/evaluation/least_squares.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <limits>

#include "src/lrprop/evaluation/matrices.hpp"

namespace alignment::lrprop {
namespace {

std::int64_t rows_at_a_time(std::int64_t width) {
  return std::max<std::int64_t>(1024, 2 * width);
}

/// Mean of each column of values [N,columns]. Of a constant column exactly that constant, so that it is centred to
/// zeros.
struct Means {
  explicit Means(std::int64_t columns) : sum(Vector::Zero(columns)) {}

  void add(const RowMatrix& rows) {
    if (count == 0) lowest = highest = rows.row(0);
    sum += rows.colwise().sum().transpose();
    lowest = lowest.cwiseMin(rows.colwise().minCoeff().transpose());
    highest = highest.cwiseMax(rows.colwise().maxCoeff().transpose());
    count += rows.rows();
  }
  [[nodiscard]] Vector values() const {
    return (lowest.array() == highest.array()).select(lowest, sum / static_cast<double>(count));
  }

  Vector sum, lowest, highest;
  Eigen::Index count = 0;
};

}  // namespace

LeastSquares::LeastSquares(const PooledFrames& frames, const std::vector<double>& targets, std::int64_t columns)
    : width_(frames.width()), columns_(columns) {
  const std::int64_t block = rows_at_a_time(width_ + columns_);
  const auto read = [&](std::int64_t first, std::int64_t count) {
    RowMatrix rows(count, width_ + columns_);  // [x, y]
    rows.leftCols(width_) = read_rows(frames, first, count);
    rows.rightCols(columns_) = Eigen::Map<const RowMatrix>(targets.data() + first * columns_, count, columns_);
    return rows;
  };
  Means means(width_ + columns_);
  for_each_block(frames.count(), block, [&](std::int64_t first, std::int64_t count) { means.add(read(first, count)); });
  const Vector mean = means.values();

  // R of the centred [X, Y] = Q R, a block of rows at a time: R of [R; rows] is that of all rows so far.
  const std::int64_t all = width_ + columns_;
  Matrix triangle = Matrix::Zero(all, all);
  for_each_block(frames.count(), block, [&](std::int64_t first, std::int64_t count) {
    Matrix stacked(all + count, all);
    stacked.topRows(all) = triangle;
    stacked.bottomRows(count) = read(first, count).rowwise() - mean.transpose();
    const Eigen::HouseholderQR<Matrix> decomposition(stacked);
    triangle = decomposition.matrixQR().topRows(all).triangularView<Eigen::Upper>();
  });

  Eigen::BDCSVD<Matrix> decomposition(triangle.topLeftCorner(width_, width_),
                                      Eigen::ComputeFullU | Eigen::ComputeFullV);
  decomposition.setThreshold(static_cast<double>(std::max(frames.count(), width_)) *
                             std::numeric_limits<double>::epsilon());
  const Matrix solution = decomposition.solve(triangle.topRightCorner(width_, columns_));  // [E,columns]
  coefficients_.assign(solution.data(), solution.data() + solution.size());
  row_means_.assign(mean.data(), mean.data() + width_);
  target_means_.assign(mean.data() + width_, mean.data() + all);
}

std::vector<double> LeastSquares::predict(const PooledFrames& frames) const {
  const Matrix coefficients = Eigen::Map<const Matrix>(coefficients_.data(), width_, columns_);
  const Vector row_means = Eigen::Map<const Vector>(row_means_.data(), width_);
  const Vector target_means = Eigen::Map<const Vector>(target_means_.data(), columns_);
  std::vector<double> predictions;
  for_each_block(frames.count(), rows_at_a_time(width_), [&](std::int64_t first, std::int64_t count) {
    const RowMatrix centred = read_rows(frames, first, count).rowwise() - row_means.transpose();
    const RowMatrix predicted = (centred * coefficients).rowwise() + target_means.transpose();
    predictions.insert(predictions.end(), predicted.data(), predicted.data() + predicted.size());
  });
  return predictions;
}

}  // namespace alignment::lrprop
