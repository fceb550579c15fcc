#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/row_groups.hpp"
#include "kernels/pairwise.hpp"
#include "kernels/parallel.hpp"
#include "kernels/workspace.hpp"

// Squares are computed a patch at a time: kPatchRows rows against some panels of columns, which stay in a core's second
// cache. Then one pass tells what the smallest can be, and a second which cells can matter; only those are looked at
// one by one.
namespace alignment::kernels::cpu {
namespace {

constexpr std::int64_t kPatchRows = 64, kPatchPanels = 21, kPatchColumns = kPatchPanels * kPanelColumns;
/// A patch of which more than one cell in so many would be computed again is, as a whole.
constexpr std::int64_t kFewContenders = 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::int64_t round_up(std::int64_t amount, std::int64_t part) {
  return (amount + part - 1) / part * part;
}

/// One query's list.
struct List {
  double* squares;
  std::int64_t* candidates;
  std::int64_t kept;

  List(const NearestLists& lists, std::int64_t query)
      : squares(lists.squares + query * lists.kept),
        candidates(lists.candidates + query * lists.kept),
        kept(lists.kept) {}

  /// No square above this gets in.
  [[nodiscard]] double limit() const { return candidates[kept - 1] < 0 ? kInfinity : squares[kept - 1]; }

  void insert(double square, std::int64_t candidate) const {
    const auto goes_before = [&](std::int64_t place) {
      return candidates[place] < 0 || square < squares[place] ||
             (square == squares[place] && candidate < candidates[place]);
    };
    if (!goes_before(kept - 1)) return;
    std::int64_t place = kept - 1;
    for (; place > 0 && goes_before(place - 1); --place) {
      squares[place] = squares[place - 1];
      candidates[place] = candidates[place - 1];
    }
    squares[place] = square;
    candidates[place] = candidate;
  }
};

/// The nearest met so far; of equally near ones the smaller number.
struct Nearest {
  double square = kInfinity;
  std::int64_t number = 0;

  void consider(double other_square, std::int64_t other_number) {
    if (other_square < square || (other_square == square && other_square < kInfinity && other_number < number)) {
      square = other_square;
      number = other_number;
    }
  }
};

/// What one thread holds.
struct OfThread {
  double *rows, *row_norms;       ///< kPatchRows rows, packed, and their squares
  double* squares;                ///< [kPatchRows,kPatchColumns]
  double *column_limits, *exact;  ///< [kPatchColumns]
  std::int32_t* contenders;       ///< [kPatchRows,kPatchColumns]
  Nearest* nearest_of_columns;    ///< [m]
  NearestLists of_columns;        ///< those of the rows that this thread has seen
};

OfThread carve_of_thread(Workspace& workspace, std::int64_t columns, std::int64_t width, std::int64_t kept,
                         int threads) {
  OfThread result{workspace.request<double>(kPatchRows * width),
                  workspace.request<double>(kPatchRows),
                  workspace.request<double>(kPatchRows * kPatchColumns),
                  workspace.request<double>(kPatchColumns),
                  workspace.request<double>(kPatchColumns),
                  workspace.request<std::int32_t>(kPatchRows * kPatchColumns),
                  workspace.request<Nearest>(columns),
                  {nullptr, nullptr, kept}};
  if (threads > 1) {
    result.of_columns.squares = workspace.request<double>(columns * kept);
    result.of_columns.candidates = workspace.request<std::int64_t>(columns * kept);
  }
  return result;
}

/// Of all threads.
struct Columns {
  double* panels;  ///< [panels,width,kPanelColumns]
  double *norms, *slacks;
};

Columns carve_columns(Workspace& workspace, std::int64_t columns, std::int64_t width) {
  const std::int64_t padded = round_up(columns, kPanelColumns);
  return {workspace.request<double>(padded * width), workspace.request<double>(padded),
          workspace.request<double>(padded)};
}

std::size_t thread_bytes(std::int64_t columns, std::int64_t width, std::int64_t kept, int threads) {
  Workspace sizing(nullptr);
  carve_of_thread(sizing, columns, width, kept, threads);
  return sizing.required_bytes();
}

/// One call of compare_rows().
template <typename Real>
struct Run {
  const RowsView<Real>&a, &b;
  const Comparison& wanted;
  const AlignmentVariant& variant;
  Columns columns;
  bool narrow;
  double slack;      ///< of a square, in units of a(i)^2 + b(j)^2
  double cancelled;  ///< squares below this many slacks are computed again

  void squares_of_patch(const OfThread& mine, std::int64_t rows, std::int64_t first_column, std::int64_t panels,
                        bool by_differences) const {
    for (std::int64_t panel = 0; panel < panels; ++panel) {
      const std::int64_t column = first_column + panel * kPanelColumns;
      const double* const packed = columns.panels + column * b.width;
      for (std::int64_t i = 0; i < rows; i += kBlockRows) {
        double* const squares = mine.squares + i * kPatchColumns + panel * kPanelColumns;
        if (by_differences) {
          variant.squares_by_differences(mine.rows + i * a.width, packed, a.width, squares, kPatchColumns);
        } else {
          variant.squares_by_products(mine.rows + i * a.width, packed, a.width, mine.row_norms + i,
                                      columns.norms + column, squares, kPatchColumns);
        }
      }
    }
  }

  /// Lists every row's contenders; returns how many there are.
  std::int64_t list_contenders(const OfThread& mine, std::int64_t first_row, std::int64_t rows,
                               std::int64_t first_column, std::int64_t count, double slack_unit, double recompute_below,
                               const Nearest* nearest_of_rows, const double* column_slacks,
                               std::int64_t* counts) const {
    double smallest_of_rows[kPatchRows];
    double* const limits = mine.column_limits;
    std::fill_n(limits, round_up(count, kPanelColumns), kInfinity);
    for (std::int64_t i = 0; i < rows; ++i) {
      smallest_of_rows[i] = nearest_of_rows[i].square;
      variant.smallest_squares(mine.squares + i * kPatchColumns, count, slack_unit * mine.row_norms[i], column_slacks,
                               smallest_of_rows + i, limits);
    }
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t column = first_column + j;
      double limit = -1;
      if (wanted.nearest_of_columns != nullptr) limit = std::min(limits[j], mine.nearest_of_columns[column].square);
      if (wanted.of_columns.kept > 0) {
        limit =
            std::max(limit, std::min(List(wanted.of_columns, column).limit(), List(mine.of_columns, column).limit()));
      }
      limits[j] = limit;
    }
    std::int64_t total = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      double limit = -1;
      if (wanted.nearest_of_rows != nullptr) limit = smallest_of_rows[i];
      if (wanted.of_rows.kept > 0) limit = std::max(limit, List(wanted.of_rows, first_row + i).limit());
      counts[i] =
          variant.find_contenders(mine.squares + i * kPatchColumns, count, slack_unit * mine.row_norms[i],
                                  column_slacks, limit, limits, recompute_below, mine.contenders + i * kPatchColumns);
      total += counts[i];
    }
    return total;
  }

  void compare_patch(const OfThread& mine, std::int64_t first_row, std::int64_t rows, std::int64_t first_column,
                     std::int64_t count, Nearest* nearest_of_rows) const {
    static constexpr double kNoSlacks[kPatchColumns] = {};
    const std::int64_t panels = round_up(count, kPanelColumns) / kPanelColumns;
    std::int64_t counts[kPatchRows];
    bool exact = narrow;
    squares_of_patch(mine, rows, first_column, panels, exact);
    if (!exact) {
      exact = list_contenders(mine, first_row, rows, first_column, count, slack, cancelled, nearest_of_rows,
                              columns.slacks + first_column, counts) > rows * count / kFewContenders;
      if (exact) squares_of_patch(mine, rows, first_column, panels, true);
    }
    if (exact) list_contenders(mine, first_row, rows, first_column, count, 0, 0, nearest_of_rows, kNoSlacks, counts);

    for (std::int64_t i = 0; i < rows; ++i) {
      const double* const squares = mine.squares + i * kPatchColumns;
      const std::int32_t* const contenders = mine.contenders + i * kPatchColumns;
      double* const distances =
          wanted.distances == nullptr ? nullptr : wanted.distances + (first_row + i) * b.count + first_column;
      if (distances != nullptr) variant.square_roots(squares, count, distances);
      if (exact) {
        for (std::int64_t k = 0; k < counts[i]; ++k) mine.exact[k] = squares[contenders[k]];
      } else {
        variant.loops<Real>().squares_of_rows(a.row(first_row + i), b.row(first_column), b.width, contenders, counts[i],
                                              mine.exact);
      }
      for (std::int64_t k = 0; k < counts[i]; ++k) {
        const std::int64_t row = first_row + i, column = first_column + contenders[k];
        const double square = mine.exact[k];
        if (distances != nullptr) distances[contenders[k]] = std::sqrt(square);
        nearest_of_rows[i].consider(square, column);
        if (wanted.nearest_of_columns != nullptr) mine.nearest_of_columns[column].consider(square, row);
        if (wanted.of_rows.kept > 0) List(wanted.of_rows, row).insert(square, wanted.first_column + column);
        if (wanted.of_columns.kept > 0) List(mine.of_columns, column).insert(square, wanted.first_row + row);
      }
    }
  }

  void compare_rows_from(const OfThread& mine, std::int64_t first_row) const {
    const std::int64_t rows = std::min(kPatchRows, a.count - first_row);
    for (std::int64_t i = 0; i < rows; i += kBlockRows)
      pack_group<kBlockRows>(a, first_row + i, mine.rows + i * a.width, mine.row_norms + i);
    Nearest nearest_of_rows[kPatchRows];
    for (std::int64_t j = 0; j < b.count; j += kPatchColumns)
      compare_patch(mine, first_row, rows, j, std::min(kPatchColumns, b.count - j), nearest_of_rows);
    if (wanted.nearest_of_rows == nullptr) return;
    for (std::int64_t i = 0; i < rows; ++i) wanted.nearest_of_rows[first_row + i] = nearest_of_rows[i].number;
  }
};

}  // namespace

std::size_t compare_rows_workspace_bytes(std::int64_t /*rows*/, std::int64_t columns, std::int64_t width,
                                         std::int64_t kept_of_columns, int threads) {
  Workspace sizing(nullptr);
  carve_columns(sizing, columns, width);
  sizing.request<OfThread>(threads);
  return sizing.required_bytes() +
         static_cast<std::size_t>(threads) * thread_bytes(columns, width, kept_of_columns, threads);
}

template <typename Real>
void compare_rows(const RowsView<Real>& a, const RowsView<Real>& b, const Comparison& comparison, std::byte* workspace,
                  int threads, const AlignmentVariant& variant) {
  constexpr double kRoundoff = 0x1p-53;
  Workspace arena(workspace);
  const double slack = (4 * static_cast<double>(a.width) + 32) * kRoundoff;
  const Run<Real> run{a,
                      b,
                      comparison,
                      variant,
                      carve_columns(arena, b.count, b.width),
                      a.width <= kNarrowWidth,
                      slack,
                      comparison.distances == nullptr ? 0 : 1 / (kCancellation * slack)};
  parallel_for(threads, round_up(b.count, kPanelColumns) / kPanelColumns, 1, [&](std::int64_t panel, int) {
    const std::int64_t first = panel * kPanelColumns;
    pack_group<kPanelColumns>(b, first, run.columns.panels + first * b.width, run.columns.norms + first);
    for (std::int64_t k = first; k < first + kPanelColumns; ++k) run.columns.slacks[k] = slack * run.columns.norms[k];
  });

  const std::int64_t kept = comparison.of_columns.kept;
  auto* const of_threads = arena.request<OfThread>(threads);
  for (int thread = 0; thread < threads; ++thread) {
    Workspace of_thread(workspace + arena.required_bytes() +
                        static_cast<std::size_t>(thread) * thread_bytes(b.count, b.width, kept, threads));
    OfThread& mine = of_threads[thread] = carve_of_thread(of_thread, b.count, b.width, kept, threads);
    std::fill_n(mine.nearest_of_columns, b.count, Nearest{});
    if (threads == 1) {
      mine.of_columns = comparison.of_columns;
    } else {
      std::fill_n(mine.of_columns.candidates, b.count * kept, -1);
    }
  }
  parallel_for(threads, round_up(a.count, kPatchRows) / kPatchRows, 1,
               [&](std::int64_t patch, int thread) { run.compare_rows_from(of_threads[thread], patch * kPatchRows); });

  for (std::int64_t j = 0; j < b.count; ++j) {
    Nearest nearest;
    for (int thread = 0; thread < threads; ++thread) {
      const OfThread& other = of_threads[thread];
      nearest.consider(other.nearest_of_columns[j].square, other.nearest_of_columns[j].number);
      if (threads == 1) continue;
      for (std::int64_t k = 0; k < kept && other.of_columns.candidates[j * kept + k] >= 0; ++k) {
        List(comparison.of_columns, j)
            .insert(other.of_columns.squares[j * kept + k], other.of_columns.candidates[j * kept + k]);
      }
    }
    if (comparison.nearest_of_columns != nullptr) comparison.nearest_of_columns[j] = nearest.number;
  }
}

template void compare_rows(const RowsView<float>&, const RowsView<float>&, const Comparison&, std::byte*, int,
                           const AlignmentVariant&);
template void compare_rows(const RowsView<double>&, const RowsView<double>&, const Comparison&, std::byte*, int,
                           const AlignmentVariant&);

}  // namespace alignment::kernels::cpu
