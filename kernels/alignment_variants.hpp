#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "kernels/matrices.hpp"

/// The inner loops of pairwise.hpp, dtw.hpp, soft_dtw.hpp and dependent_dtw.hpp, one build an instruction set. All are
/// serial; the functions of those headers drive them.
namespace alignment::kernels::cpu {

/// Columns of a packed panel and rows of a packed block of compare_rows().
inline constexpr std::int64_t kPanelColumns = 24, kBlockRows = 8;

/// Columns of a packed panel of pairwise_distances().
template <typename Real>
inline constexpr std::int64_t kPairwisePanel = 128 / static_cast<std::int64_t>(sizeof(Real));

/// What depends on the type of the numbers. One matrix is [rows,columns], row-major.
template <typename Real>
struct AlignmentLoops {
  /// See soft_dtw.hpp. `workspace`: as many bytes as soft_dtw_workspace_bytes() says of the one matrix.
  void (*soft_dtw)(const Real* distances, std::int64_t rows, std::int64_t columns, double gamma, double* value,
                   Real* alignment, std::byte* workspace);
  /// See dtw.hpp; returns the path's cells. `workspace`: dtw_path_workspace_bytes().
  std::int64_t (*dtw)(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost,
                      std::byte* workspace);
  /// Distances of `count` rows from all columns, [count,columns]. `panels`: the other video as panels of
  /// [width,kPairwisePanel] numbers, whatever behind the last column.
  void (*distances)(const Real* rows, std::int64_t count, const Real* panels, std::int64_t columns, std::int64_t width,
                    Real* distances);
  /// Likewise their squares.
  void (*squares)(const Real* rows, std::int64_t count, const Real* panels, std::int64_t columns, std::int64_t width,
                  Real* squares);
  /// sum[e] += sum_j factor(j) (row[e] - others(j,e)); factor(j) = factors[j * stride].
  void (*pull)(const Real* row, const Real* others, std::int64_t count, std::int64_t width, const Real* factors,
               std::int64_t stride, Real* sum);
  /// Squared distances of `row` from rows which[k] of `others`, [count]: each one sum over the features in order, in
  /// f64, nothing fused.
  void (*squares_of_rows)(const Real* row, const Real* others, std::int64_t width, const std::int32_t* which,
                          std::int64_t count, double* squares);
};

struct AlignmentVariant {
  std::string_view name;  ///< "avx512", "avx2", "portable"
  bool (*supported)();    ///< by the processor this runs on
  AlignmentLoops<float> f32;
  AlignmentLoops<double> f64;

  /// See dependent_dtw.hpp; returns the cost. Both sequences packed as it says. `workspace`:
  /// dependent_dtw_workspace_bytes().
  double (*dependent_dtw)(const double* rows, std::int64_t count, const double* panels, std::int64_t columns,
                          std::int64_t width, double limit, std::byte* workspace, std::int64_t* cells);

  // Of compare_rows(), the first of dependent_dtw() as well. Columns come in whole panels: whatever behind the last
  // one.

  /// Squared distances of kBlockRows rows, packed as [width,kBlockRows], from the columns of a panel
  /// [width,kPanelColumns], into rows of `stride` numbers: one sum over the features in order, nothing fused; or as
  /// a(i)^2 + b(j)^2 - 2 a(i) b(j).
  void (*squares_by_differences)(const double* rows, const double* panel, std::int64_t width, double* squares,
                                 std::int64_t stride);
  void (*squares_by_products)(const double* rows, const double* panel, std::int64_t width, const double* row_norms,
                              const double* column_norms, double* squares, std::int64_t stride);
  /// What the squares of one row can be at most, by row and by column: lowers the smallest so far. A square is off by
  /// no more than row_slack + its column's.
  void (*smallest_squares)(const double* squares, std::int64_t count, double row_slack, const double* column_slacks,
                           double* smallest_of_row, double* smallest_of_columns);
  /// The columns whose square can be within the row's limit or their own, or is below `cancelled` times its slack.
  std::int64_t (*find_contenders)(const double* squares, std::int64_t count, double row_slack,
                                  const double* column_slacks, double row_limit, const double* column_limits,
                                  double cancelled, std::int32_t* contenders);
  void (*square_roots)(const double* squares, std::int64_t count, double* roots);

  template <typename Real>
  [[nodiscard]] const AlignmentLoops<Real>& loops() const {
    if constexpr (std::is_same_v<Real, float>) {
      return f32;
    } else {
      return f64;
    }
  }
};

/// Every variant built into this program, fastest first.
[[nodiscard]] std::span<const AlignmentVariant> alignment_variants();
/// The first that this processor supports.
[[nodiscard]] const AlignmentVariant& best_alignment_variant();

}  // namespace alignment::kernels::cpu
