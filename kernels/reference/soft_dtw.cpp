#include "kernels/soft_dtw.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace alignment::kernels::reference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// r of the three cells before one, in the order of the equation.
using Three = std::array<double, 3>;

/// exp(-(a - min a) / gamma), of which one is 1, and their sum.
struct Shares {
  Three shares;
  double smallest, sum;
};

Shares shares_of(const Three& before, double gamma) {
  Shares result{{}, std::min({before[0], before[1], before[2]}), 0};
  for (std::size_t k = 0; k < 3; ++k) {
    result.shares[k] = std::exp((result.smallest - before[k]) / gamma);
    result.sum += result.shares[k];
  }
  return result;
}

}  // namespace

template <typename Real>
void soft_dtw(const MatricesView<Real>& distances, double gamma, double* values, Real* alignments) {
  for (std::int64_t b = 0; b < distances.count; ++b) {
    const std::int64_t rows = distances.rows[b], columns = distances.columns[b];
    const Real* const matrix = distances.values + distances.offsets[b];
    std::vector<double> table(static_cast<std::size_t>(rows * columns)), alignment(table.size());
    const auto index = [&](std::int64_t i, std::int64_t j) { return static_cast<std::size_t>(i * columns + j); };
    const auto reach = [&](std::int64_t i, std::int64_t j) { return i < 0 || j < 0 ? kInfinity : table[index(i, j)]; };
    const auto before = [&](std::int64_t i, std::int64_t j) {
      return Three{reach(i - 1, j), reach(i, j - 1), reach(i - 1, j - 1)};
    };

    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double softmin = 0;
        if (i > 0 || j > 0) {
          const Shares shares = shares_of(before(i, j), gamma);
          softmin = shares.smallest - gamma * std::log(shares.sum);
        }
        table[index(i, j)] = static_cast<double>(matrix[i * columns + j]) + softmin;
      }
    }
    values[b] = table.back();
    if (alignments == nullptr) continue;

    // A cell's share goes to the three cells before it as softmin weighs them.
    alignment.back() = 1;
    for (std::int64_t i = rows - 1; i >= 0; --i) {
      for (std::int64_t j = columns - 1; j >= 0; --j) {
        if (i == 0 && j == 0) break;
        const Shares shares = shares_of(before(i, j), gamma);
        const double share = alignment[index(i, j)] / shares.sum;
        if (i > 0) alignment[index(i - 1, j)] += share * shares.shares[0];
        if (j > 0) alignment[index(i, j - 1)] += share * shares.shares[1];
        if (i > 0 && j > 0) alignment[index(i - 1, j - 1)] += share * shares.shares[2];
      }
    }
    std::transform(alignment.begin(), alignment.end(), alignments + distances.offsets[b],
                   [](double share) { return static_cast<Real>(share); });
  }
}

template void soft_dtw(const MatricesView<float>&, double, double*, float*);
template void soft_dtw(const MatricesView<double>&, double, double*, double*);

}  // namespace alignment::kernels::reference
