// Distances between rows: lanes are columns, so that nothing is summed across lanes; gradients: lanes are features.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/alignment_variants.hpp"
#include "kernels/cpu/simd/wide.inl"
#include "kernels/pairwise.hpp"

namespace alignment::kernels::cpu {
namespace {

/// Vectors of Real, and the same numbers in f64.
template <typename Real>
struct VectorsOf {
  using Narrow = Floats;
  using Sums = TwoWide;
};
template <>
struct VectorsOf<double> {
  using Narrow = Wide;
  using Sums = Wide;
};
template <typename Real>
constexpr std::int64_t kLanesOf = static_cast<std::int64_t>(sizeof(Wide) / sizeof(Real));

template <typename Real>
typename VectorsOf<Real>::Narrow repeated(Real number) {
  return number - typename VectorsOf<Real>::Narrow{};
}

/// Distances, or their squares, of kRows rows from two vectors of columns. Each begins `row_stride` after the one
/// before; `panel`: the columns' numbers, features kPairwisePanel<Real> apart.
template <int kRows, bool kSquares, typename Real>
void distance_tile(const Real* rows, const Real* panel, std::int64_t width, std::int64_t columns, Real* distances,
                   std::int64_t stride) {
  using Narrow = typename VectorsOf<Real>::Narrow;
  using Sums = typename VectorsOf<Real>::Sums;
  constexpr std::int64_t kPanel = kPairwisePanel<Real>, kLanes = kLanesOf<Real>;
  constexpr std::int64_t kTerms = std::is_same_v<Real, float> ? kExactTerms : std::numeric_limits<std::int64_t>::max();
  ArrayOf<Sums[2], kRows> sums = {};
  for (std::int64_t begin = 0; begin < width;) {
    const std::int64_t end = width - begin > kTerms ? begin + kTerms : width;
    ArrayOf<Narrow[2], kRows> part = {};
    for (std::int64_t e = begin; e < end; ++e) {
      const Narrow left = load_as<Narrow>(panel + e * kPanel), right = load_as<Narrow>(panel + e * kPanel + kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const Narrow number = repeated(rows[r * width + e]);
        const Narrow one = number - left, other = number - right;
        part[r][0] = multiply_add(one, one, part[r][0]);
        part[r][1] = multiply_add(other, other, part[r][1]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < 2; ++v) sums[r][v] += __builtin_convertvector(part[r][v], Sums);
    }
    begin = end;
  }
  for (int r = 0; r < kRows; ++r) {
    ArrayOf<double, 2 * kLanes> squares;
    ArrayOf<Real, 2 * kLanes> found;
    store_to(squares, sums[r][0]);
    store_to(squares + kLanes, sums[r][1]);
    for (std::int64_t k = 0; k < 2 * kLanes; ++k) {
      if constexpr (kSquares) {
        found[k] = static_cast<Real>(squares[k]);
      } else {
        const double square = squares[k] < kSmallestSquare ? kSmallestSquare : squares[k];
        found[k] = static_cast<Real>(__builtin_sqrt(square));
      }
    }
    std::copy_n(found, std::min(columns, 2 * kLanes), distances + r * stride);
  }
}

template <bool kSquares, typename Real>
void compare(const Real* rows, std::int64_t count, const Real* panels, std::int64_t columns, std::int64_t width,
             Real* found) {
  constexpr std::int64_t kPanel = kPairwisePanel<Real>, kRows = 4;
  for (std::int64_t j = 0; j < columns; j += 2 * kLanesOf<Real>) {
    const Real* const panel = panels + j / kPanel * kPanel * width + j % kPanel;
    std::int64_t i = 0;
    for (; i + kRows <= count; i += kRows) {
      distance_tile<kRows, kSquares>(rows + i * width, panel, width, columns - j, found + i * columns + j, columns);
    }
    for (; i < count; ++i) {
      distance_tile<1, kSquares>(rows + i * width, panel, width, columns - j, found + i * columns + j, columns);
    }
  }
}

template <typename Real>
void distances(const Real* rows, std::int64_t count, const Real* panels, std::int64_t columns, std::int64_t width,
               Real* found) {
  compare<false>(rows, count, panels, columns, width, found);
}

template <typename Real>
void squares(const Real* rows, std::int64_t count, const Real* panels, std::int64_t columns, std::int64_t width,
             Real* found) {
  compare<true>(rows, count, panels, columns, width, found);
}

/// `kVectors` vectors of features of one row's sum.
template <int kVectors, typename Real>
void pull_features(const Real* row, const Real* others, std::int64_t count, std::int64_t width, const Real* factors,
                   std::int64_t stride, Real* sum) {
  using Narrow = typename VectorsOf<Real>::Narrow;
  using Sums = typename VectorsOf<Real>::Sums;
  constexpr std::int64_t kLanes = kLanesOf<Real>;
  constexpr std::int64_t kTerms = std::is_same_v<Real, float> ? kExactTerms : std::numeric_limits<std::int64_t>::max();
  ArrayOf<Sums, kVectors> sums = {};
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t end = count - begin > kTerms ? begin + kTerms : count;
    ArrayOf<Narrow, kVectors> part = {};
    for (std::int64_t j = begin; j < end; ++j) {
      const Narrow factor = repeated(factors[j * stride]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const Narrow difference = load_as<Narrow>(row + v * kLanes) - load_as<Narrow>(others + j * width + v * kLanes);
        part[v] = multiply_add(factor, difference, part[v]);
      }
    }
    for (int v = 0; v < kVectors; ++v) sums[v] += __builtin_convertvector(part[v], Sums);
    begin = end;
  }
  for (int v = 0; v < kVectors; ++v) {
    store_to(sum + v * kLanes, load_as<Narrow>(sum + v * kLanes) + __builtin_convertvector(sums[v], Narrow));
  }
}

template <typename Real>
void pull(const Real* row, const Real* others, std::int64_t count, std::int64_t width, const Real* factors,
          std::int64_t stride, Real* sum) {
  constexpr std::int64_t kLanes = kLanesOf<Real>;
  std::int64_t e = 0;
  for (; e + 4 * kLanes <= width; e += 4 * kLanes)
    pull_features<4>(row + e, others + e, count, width, factors, stride, sum + e);
  for (; e + kLanes <= width; e += kLanes)
    pull_features<1>(row + e, others + e, count, width, factors, stride, sum + e);
  for (; e < width; ++e) {
    double total = 0;
    for (std::int64_t j = 0; j < count; ++j) {
      const double difference = static_cast<double>(row[e]) - static_cast<double>(others[j * width + e]);
      total += static_cast<double>(factors[j * stride]) * difference;
    }
    sum[e] += static_cast<Real>(total);
  }
}

// ---- squares of compare_rows(), all in f64

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileVectors = 3;
#elif defined(__AVX2__)
constexpr int kTileRows = 4, kTileVectors = 3;
#else
constexpr int kTileRows = 4, kTileVectors = 2;
#endif
constexpr std::int64_t kTileColumns = kTileVectors * kWideLanes;
static_assert(kBlockRows % kTileRows == 0 && kPanelColumns % kTileColumns == 0);

struct ByDifferences {
  static void add(Wide& sum, Wide row, Wide column) {
    const Wide difference = row - column;
    const Wide square = difference * difference;
    sum += square;
  }
};
struct ByProducts {
  static void add(Wide& sum, Wide row, Wide column) { sum = multiply_add(row, column, sum); }
};

template <typename Real>
void squares_of_rows(const Real* row, const Real* others, std::int64_t width, const std::int32_t* which,
                     std::int64_t count, double* squares) {
  for (std::int64_t first = 0; first < count; first += kWideLanes) {
    const std::int64_t here = std::min<std::int64_t>(kWideLanes, count - first);
    const Real* rows[kWideLanes];
    for (std::int64_t l = 0; l < kWideLanes; ++l) rows[l] = others + which[first + std::min(l, here - 1)] * width;
    Wide sums = {};
    std::int64_t e = 0;
    for (; e + kWideLanes <= width; e += kWideLanes) {
      Wide tile[kWideLanes];
#pragma GCC unroll 8
      for (int l = 0; l < kWideLanes; ++l) tile[l] = load_wide(rows[l] + e);
      transpose(tile);
#pragma GCC unroll 8
      for (int k = 0; k < kWideLanes; ++k) ByDifferences::add(sums, wide(static_cast<double>(row[e + k])), tile[k]);
    }
    for (; e < width; ++e) {
      double numbers[kWideLanes];
      for (int l = 0; l < kWideLanes; ++l) numbers[l] = static_cast<double>(rows[l][e]);
      ByDifferences::add(sums, wide(static_cast<double>(row[e])), load_wide(numbers));
    }
    double found[kWideLanes];
    store_to(found, sums);
    std::copy_n(found, here, squares + first);
  }
}

template <typename By>
void sums_of_tile(const double* rows, const double* panel, std::int64_t width,
                  ArrayOf<Wide[kTileVectors], kTileRows>& sums) {
  for (std::int64_t e = 0; e < width; ++e) {
    Wide column[kTileVectors];
#pragma GCC unroll 3
    for (int v = 0; v < kTileVectors; ++v) column[v] = load_wide(panel + e * kPanelColumns + v * kWideLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kTileRows; ++r) {
      const Wide row = wide(rows[e * kBlockRows + r]);
#pragma GCC unroll 3
      for (int v = 0; v < kTileVectors; ++v) By::add(sums[r][v], row, column[v]);
    }
  }
}

template <typename By, typename Finish>
void squares_of_panel(const double* rows, const double* panel, std::int64_t width, double* squares, std::int64_t stride,
                      const Finish& finish) {
  for (std::int64_t j = 0; j < kPanelColumns; j += kTileColumns) {
    for (std::int64_t i = 0; i < kBlockRows; i += kTileRows) {
      ArrayOf<Wide[kTileVectors], kTileRows> sums = {};
      sums_of_tile<By>(rows + i, panel + j, width, sums);
#pragma GCC unroll 8
      for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 3
        for (int v = 0; v < kTileVectors; ++v) {
          const std::int64_t column = j + v * kWideLanes;
          store_to(squares + (i + r) * stride + column, finish(sums[r][v], i + r, column));
        }
      }
    }
  }
}

void squares_by_differences(const double* rows, const double* panel, std::int64_t width, double* squares,
                            std::int64_t stride) {
  squares_of_panel<ByDifferences>(rows, panel, width, squares, stride,
                                  [](Wide sum, std::int64_t, std::int64_t) { return sum; });
}

void squares_by_products(const double* rows, const double* panel, std::int64_t width, const double* row_norms,
                         const double* column_norms, double* squares, std::int64_t stride) {
  squares_of_panel<ByProducts>(rows, panel, width, squares, stride,
                               [&](Wide sum, std::int64_t row, std::int64_t column) {
                                 return multiply_add(sum, wide(-2), load_wide(column_norms + column) + row_norms[row]);
                               });
}

void smallest_squares(const double* squares, std::int64_t count, double row_slack, const double* column_slacks,
                      double* smallest_of_row, double* smallest_of_columns) {
  Wide smallest = wide(*smallest_of_row);
  std::int64_t j = 0;
  for (; j + kWideLanes <= count; j += kWideLanes) {
    const Wide most = load_wide(squares + j) + load_wide(column_slacks + j) + row_slack;
    smallest = smaller(most, smallest);
    store_to(smallest_of_columns + j, smaller(most, load_wide(smallest_of_columns + j)));
  }
  double least = *smallest_of_row;
  for (int lane = 0; lane < kWideLanes; ++lane) least = std::min(least, smallest[lane]);
  for (; j < count; ++j) {
    const double most = squares[j] + column_slacks[j] + row_slack;
    least = std::min(least, most);
    smallest_of_columns[j] = std::min(smallest_of_columns[j], most);
  }
  *smallest_of_row = least;
}

std::int64_t find_contenders(const double* squares, std::int64_t count, double row_slack, const double* column_slacks,
                             double row_limit, const double* column_limits, double cancelled,
                             std::int32_t* contenders) {
  std::int64_t found = 0;
  for (std::int64_t j = 0; j < count; j += kWideLanes) {
    const Wide square = load_wide(squares + j), slack = load_wide(column_slacks + j) + row_slack;
    const Wide limit = larger(wide(row_limit), load_wide(column_limits + j));
    const WideInt mask = (square - slack <= limit) | (square < slack * cancelled);
    if (!any(mask)) continue;
    for (int lane = 0; lane < kWideLanes && j + lane < count; ++lane) {
      if (mask[lane] != 0) contenders[found++] = static_cast<std::int32_t>(j + lane);
    }
  }
  return found;
}

void square_roots(const double* squares, std::int64_t count, double* roots) {
  for (std::int64_t k = 0; k < count; ++k) roots[k] = __builtin_sqrt(squares[k] < 0 ? 0 : squares[k]);
}

}  // namespace
}  // namespace alignment::kernels::cpu
