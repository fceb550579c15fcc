#include "kernels/dtw.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace alignment::kernels::reference {

template <typename Real>
std::int64_t dtw_path(const Real* distances, std::int64_t rows, std::int64_t columns, PathCell* path, double* cost) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> table(static_cast<std::size_t>(rows * columns));
  // r(i,j); outside the matrix nothing can be reached.
  const auto reach = [&](std::int64_t i, std::int64_t j) {
    return i < 0 || j < 0 ? kInfinity : table[static_cast<std::size_t>(i * columns + j)];
  };
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const double before = i == 0 && j == 0 ? 0 : std::min({reach(i - 1, j - 1), reach(i - 1, j), reach(i, j - 1)});
      table[static_cast<std::size_t>(i * columns + j)] = static_cast<double>(distances[i * columns + j]) + before;
    }
  }
  if (cost != nullptr) *cost = table.back();

  std::int64_t count = 0;
  for (std::int64_t i = rows - 1, j = columns - 1;;) {
    path[count++] = {static_cast<std::int32_t>(i), static_cast<std::int32_t>(j)};
    if (i == 0 && j == 0) break;
    const double corner = reach(i - 1, j - 1), above = reach(i - 1, j), left = reach(i, j - 1);
    if (i > 0 && j > 0 && corner <= above && corner <= left) {
      --i, --j;
    } else if (j == 0 || (i > 0 && above <= left)) {
      --i;
    } else {
      --j;
    }
  }
  std::reverse(path, path + count);
  return count;
}

template std::int64_t dtw_path(const float*, std::int64_t, std::int64_t, PathCell*, double*);
template std::int64_t dtw_path(const double*, std::int64_t, std::int64_t, PathCell*, double*);

}  // namespace alignment::kernels::reference
