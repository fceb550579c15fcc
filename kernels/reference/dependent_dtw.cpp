#include "kernels/dependent_dtw.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace alignment::kernels::reference {

double dependent_dtw(const RowsView<float>& a, const RowsView<float>& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> table(static_cast<std::size_t>(a.count * b.count));
  const auto reach = [&](std::int64_t i, std::int64_t j) {
    return i < 0 || j < 0 ? kInfinity : table[static_cast<std::size_t>(i * b.count + j)];
  };
  for (std::int64_t i = 0; i < a.count; ++i) {
    for (std::int64_t j = 0; j < b.count; ++j) {
      double square = 0;
      for (std::int64_t f = 0; f < a.width; ++f) {
        const double difference = static_cast<double>(a.row(i)[f]) - static_cast<double>(b.row(j)[f]);
        square += difference * difference;
      }
      const double before = i == 0 && j == 0 ? 0 : std::min({reach(i - 1, j - 1), reach(i - 1, j), reach(i, j - 1)});
      table[static_cast<std::size_t>(i * b.count + j)] = square + before;
    }
  }
  return table.back();
}

}  // namespace alignment::kernels::reference
