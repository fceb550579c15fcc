#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/alignment_variants.hpp"
#include "kernels/device.hpp"

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

/// The distance of what is no further apart than that.
template <typename Real>
[[nodiscard]] Real smallest_distance() {
  return static_cast<Real>(std::sqrt(kSmallestSquare));
}

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

/// Adds sum_j g(i,j) (a(i) - b(j)) / D(i,j) to a_gradient [n,E] and its opposite, over i, to b_gradient [m,E]. g =
/// dL/dD [n,m]; what lies at the smallest distance adds nothing.
template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient);

/// S(i,j) = sum_e (a(i,e) - b(j,e))^2, [n,m].
template <typename Real>
void pairwise_squares(const RowsView<Real>& a, const RowsView<Real>& b, Real* squares);

/// Adds 2 sum_j g(i,j) (a(i) - b(j)) to a_gradient [n,E] and its opposite, over i, to b_gradient [m,E]. g = dL/dS
/// [n,m].
template <typename Real>
void pairwise_squares_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* square_gradient,
                               Real* a_gradient, Real* b_gradient);

/// Distances in f64, without a smallest one.
template <typename Real>
void compare_rows(const RowsView<Real>& a, const RowsView<Real>& b, const Comparison& comparison);
}  // namespace reference

namespace cpu {
/// As the references, always by differences. f32: sums in f32 over kExactTerms features, or frames, that are then added
/// up in f64. A distance is within (kExactTerms + 5) / 2 roundings of 2^-24 of the reference's, relative to itself, a
/// square within kExactTerms + 5; a number added to a gradient within kExactTerms + 5 of the sum of its terms'
/// magnitudes. f64: one sum. `workspace`: as many bytes as the function before says; squares need as many as distances.
/// The same bits on any number of threads.
inline constexpr std::int64_t kExactTerms = 16;

template <typename Real>
[[nodiscard]] std::size_t pairwise_distances_workspace_bytes(std::int64_t columns, std::int64_t width);
template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances, std::byte* workspace,
                        int threads, const AlignmentVariant& variant = best_alignment_variant());

template <typename Real>
[[nodiscard]] std::size_t pairwise_gradient_workspace_bytes(std::int64_t rows, std::int64_t columns);
template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient, std::byte* workspace,
                       int threads, const AlignmentVariant& variant = best_alignment_variant());

template <typename Real>
void pairwise_squares(const RowsView<Real>& a, const RowsView<Real>& b, Real* squares, std::byte* workspace,
                      int threads, const AlignmentVariant& variant = best_alignment_variant());
template <typename Real>
void pairwise_squares_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* square_gradient,
                               Real* a_gradient, Real* b_gradient, std::byte* workspace, int threads,
                               const AlignmentVariant& variant = best_alignment_variant());

/// Rows as narrow as this are compared by differences alone.
inline constexpr std::int64_t kNarrowWidth = 16;

/// Numbers and lists are those of the reference to the bit, on any instruction set and number of threads. Wide rows go
/// through a(i)^2 + b(j)^2 - 2 a(i) b(j), which is off by at most d = (4 E + 32) 2^-53 (a(i)^2 + b(j)^2); every cell
/// that could come first within d is computed again by differences. So is, for `distances`, every square below
/// (a(i)^2 + b(j)^2) / kCancellation: a distance is within (2 E + 16) kCancellation 2^-53 of the reference's, relative
/// to itself. All rows finite.
inline constexpr double kCancellation = 1024;

[[nodiscard]] std::size_t compare_rows_workspace_bytes(std::int64_t rows, std::int64_t columns, std::int64_t width,
                                                       std::int64_t kept_of_columns, int threads);
template <typename Real>
void compare_rows(const RowsView<Real>& a, const RowsView<Real>& b, const Comparison& comparison, std::byte* workspace,
                  int threads, const AlignmentVariant& variant = best_alignment_variant());
}  // namespace cpu

namespace cuda {
/// As the references. A distance's square is one sum over the features in order, of Real, by fused multiply-adds: a
/// distance is within (E + 4) / 2 roundings of Real of the reference's, relative to itself. A sum of the gradient runs
/// over the frames in order: within max(n, m) + 4 of the sum of its terms' magnitudes.
template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances, Stream stream);
template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient, Stream stream);
}  // namespace cuda

}  // namespace alignment::kernels
