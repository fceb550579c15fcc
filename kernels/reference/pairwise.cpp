#include "kernels/pairwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace alignment::kernels::reference {
namespace {

template <typename Real>
double square(const Real* a, const Real* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t e = 0; e < width; ++e) {
    const double difference = static_cast<double>(a[e]) - static_cast<double>(b[e]);
    sum += difference * difference;
  }
  return sum;
}

/// Puts a candidate into the list of one query.
void insert(const NearestLists& lists, std::int64_t query, double square, std::int64_t candidate) {
  double* const squares = lists.squares + query * lists.kept;
  std::int64_t* const candidates = lists.candidates + query * lists.kept;
  const auto nearer = [&](std::int64_t place) {
    return candidates[place] < 0 || square < squares[place] ||
           (square == squares[place] && candidate < candidates[place]);
  };
  std::int64_t place = 0;
  while (place < lists.kept && !nearer(place)) ++place;
  if (place == lists.kept) return;
  std::copy_backward(squares + place, squares + lists.kept - 1, squares + lists.kept);
  std::copy_backward(candidates + place, candidates + lists.kept - 1, candidates + lists.kept);
  squares[place] = square;
  candidates[place] = candidate;
}

/// Gradients of rows whose differences a(i) - b(j) have the factor `factor(cell)`, cell = i * m + j.
template <typename Real, typename Factor>
void pull_all(const RowsView<Real>& a, const RowsView<Real>& b, Real* a_gradient, Real* b_gradient,
              const Factor& factor_of) {
  const std::int64_t width = a.width;
  std::vector<double> a_sum(static_cast<std::size_t>(a.count * width)),
      b_sum(static_cast<std::size_t>(b.count * width));
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = 0; j < b.count; ++j) {
      const double factor = factor_of(i * b.count + j);
      for (std::int64_t e = 0; e < width; ++e) {
        const double share = factor * (static_cast<double>(a.row(i)[e]) - static_cast<double>(b.row(j)[e]));
        a_sum[static_cast<std::size_t>(i * width + e)] += share;
        b_sum[static_cast<std::size_t>(j * width + e)] -= share;
      }
    }
  }
  for (std::size_t k = 0; k < a_sum.size(); ++k) a_gradient[k] += static_cast<Real>(a_sum[k]);
  for (std::size_t k = 0; k < b_sum.size(); ++k) b_gradient[k] += static_cast<Real>(b_sum[k]);
}

}  // namespace

template <typename Real>
void pairwise_distances(const RowsView<Real>& a, const RowsView<Real>& b, Real* distances) {
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = 0; j < b.count; ++j) {
      distances[i * b.count + j] =
          static_cast<Real>(std::sqrt(std::max(square(a.row(i), b.row(j), a.width), kSmallestSquare)));
    }
  }
}

template <typename Real>
void pairwise_squares(const RowsView<Real>& a, const RowsView<Real>& b, Real* squares) {
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = 0; j < b.count; ++j) {
      squares[i * b.count + j] = static_cast<Real>(square(a.row(i), b.row(j), a.width));
    }
  }
}

template <typename Real>
void pairwise_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* distances,
                       const Real* distance_gradient, Real* a_gradient, Real* b_gradient) {
  pull_all(a, b, a_gradient, b_gradient, [&](std::int64_t cell) {
    if (distances[cell] <= smallest_distance<Real>()) return 0.0;
    return static_cast<double>(distance_gradient[cell]) / static_cast<double>(distances[cell]);
  });
}

template <typename Real>
void pairwise_squares_gradient(const RowsView<Real>& a, const RowsView<Real>& b, const Real* square_gradient,
                               Real* a_gradient, Real* b_gradient) {
  pull_all(a, b, a_gradient, b_gradient,
           [&](std::int64_t cell) { return 2 * static_cast<double>(square_gradient[cell]); });
}

template <typename Real>
void compare_rows(const RowsView<Real>& a, const RowsView<Real>& b, const Comparison& comparison) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> nearest_of_rows(static_cast<std::size_t>(a.count), kInfinity),
      nearest_of_columns(static_cast<std::size_t>(b.count), kInfinity);
  const auto keep = [](double square, double& nearest, std::int64_t* numbers, std::int64_t index, std::int64_t other) {
    if (numbers == nullptr) return;
    if (other == 0) numbers[index] = 0;
    if (!(square < nearest)) return;
    nearest = square;
    numbers[index] = other;
  };
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = 0; j < b.count; ++j) {
      const double distance = square(a.row(i), b.row(j), a.width);
      if (comparison.distances != nullptr) comparison.distances[i * b.count + j] = std::sqrt(distance);
      keep(distance, nearest_of_rows[static_cast<std::size_t>(i)], comparison.nearest_of_rows, i, j);
      keep(distance, nearest_of_columns[static_cast<std::size_t>(j)], comparison.nearest_of_columns, j, i);
      if (comparison.of_rows.kept > 0) insert(comparison.of_rows, i, distance, comparison.first_column + j);
      if (comparison.of_columns.kept > 0) insert(comparison.of_columns, j, distance, comparison.first_row + i);
    }
  }
}

template void pairwise_distances(const RowsView<float>&, const RowsView<float>&, float*);
template void pairwise_distances(const RowsView<double>&, const RowsView<double>&, double*);
template void pairwise_gradient(const RowsView<float>&, const RowsView<float>&, const float*, const float*, float*,
                                float*);
template void pairwise_gradient(const RowsView<double>&, const RowsView<double>&, const double*, const double*, double*,
                                double*);
template void pairwise_squares(const RowsView<float>&, const RowsView<float>&, float*);
template void pairwise_squares(const RowsView<double>&, const RowsView<double>&, double*);
template void pairwise_squares_gradient(const RowsView<float>&, const RowsView<float>&, const float*, float*, float*);
template void pairwise_squares_gradient(const RowsView<double>&, const RowsView<double>&, const double*, double*,
                                        double*);
template void compare_rows(const RowsView<float>&, const RowsView<float>&, const Comparison&);
template void compare_rows(const RowsView<double>&, const RowsView<double>&, const Comparison&);

}  // namespace alignment::kernels::reference
