#pragma once

#include <cstddef>
#include <cstdint>

/// Distances between the frames of two videos. All pointers are the caller's; arrays are row-major.
namespace alignment::kernels {

/// The embedded frames of a video: `count` rows of `width` numbers.
template <typename Real>
struct RowsView {
  const Real* rows = nullptr;
  std::int64_t count = 0;
  std::int64_t width = 0;

  [[nodiscard]] const Real* row(std::int64_t index) const { return rows + index * width; }
};

/// Squares of distances below this count as this, so that a distance has a gradient everywhere; where they do, it is 0.
inline constexpr double kSmallestSquare = 1e-12;

/// The K nearest of all candidates met so far, for each of some queries, nearest first; of equally near ones the one of
/// the smaller number. Unused places hold infinity and -1.
struct NearestLists {
  double* squares = nullptr;           ///< [queries,K] squared distances
  std::int64_t* candidates = nullptr;  ///< [queries,K] their numbers
  std::int64_t kept = 0;               ///< K
};

/// What compare_rows() finds out; what is nullptr is left out.
struct Comparison {
  double* distances = nullptr;                 ///< [n,m] l2 distances
  std::int64_t* nearest_of_rows = nullptr;     ///< [n] smallest j of the smallest D(i,j)
  std::int64_t* nearest_of_columns = nullptr;  ///< [m] smallest i of the smallest D(i,j)
  /// Lists that the other video's frames are merged into: row i of a has list i of `of_rows`, and is number
  /// first_row + i in lists of b's.
  NearestLists of_rows, of_columns;
  std::int64_t first_row = 0, first_column = 0;
};

namespace reference {
/// D(i,j) = sqrt(max(sum_e (a(i,e) - b(j,e))^2, kSmallestSquare)), [n,m].
template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances);

/// Adds sum_j g(i,j) (a(i) - b(j)) / D(i,j) to a_gradient [n,E] and its opposite, over i, to b_gradient [m,E]. g = dL/dD
/// [n,m]; what lies at the smallest distance adds nothing.
template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient);

/// Distances in f64, without a smallest one.
template <typename Real>
void compare_rows(const RowsView<Real>& a, const RowsView<Real>& b, const Comparison& comparison);
}  // namespace reference

}  // namespace alignment::kernels
