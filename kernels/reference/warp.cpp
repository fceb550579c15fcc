#include "kernels/warp.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace alignment::kernels::reference {

double warp(const double* cost, std::int64_t steps, std::int64_t length, bool diagonal, std::int32_t* breakpoints) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> total(static_cast<std::size_t>(steps * length));
  // Smallest cost of reaching a cell; outside the matrix nothing can be reached.
  const auto reach = [&](std::int64_t i, std::int64_t j) {
    return i < 0 || j < 0 ? kInfinity : total[static_cast<std::size_t>(i * length + j)];
  };
  const auto diagonal_reach = [&](std::int64_t i, std::int64_t j) {
    return diagonal ? reach(i - 1, j - 1) : kInfinity;
  };

  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t j = 0; j < length; ++j) {
      double before = std::min({reach(i - 1, j), reach(i, j - 1), diagonal_reach(i, j)});
      if (i == 0 && j == 0) before = 0;
      total[static_cast<std::size_t>(i * length + j)] = cost[i * length + j] + before;
    }
  }

  for (std::int64_t i = steps - 1, j = length - 1; i > 0;) {
    const double above = reach(i - 1, j), left = reach(i, j - 1), corner = diagonal_reach(i, j);
    if (j == 0 || (above < left && above < corner)) {  // where costs are infinite, no comparison leads up
      breakpoints[--i] = static_cast<std::int32_t>(j);
    } else if (!diagonal || left < corner) {
      --j;
    } else {
      breakpoints[--i] = ~static_cast<std::int32_t>(--j);
    }
  }
  return total.back();
}

template <typename Real>
void search_paths(const ParametersView<Real>& parameters, const SamplesView<Real>& samples, bool diagonal,
                  std::int32_t* breakpoints, double* distances) {
  const std::int64_t classes = parameters.classes, steps = parameters.steps;
  const std::int64_t stride = cost_stride(classes, steps);
  for (std::int64_t b = 0; b < samples.count; ++b) {
    const std::int64_t length = samples.length(b);
    std::vector<double> rows(static_cast<std::size_t>(length * stride));
    cost_matrices(parameters, samples.slice(b, 1), rows.data());
    for (std::int64_t c = 0; c < classes; ++c) {
      std::vector<double> cost(static_cast<std::size_t>(steps * length));
      for (std::int64_t i = 0; i < steps; ++i) {
        for (std::int64_t j = 0; j < length; ++j) {
          cost[static_cast<std::size_t>(i * length + j)] = rows[static_cast<std::size_t>(j * stride + i * classes + c)];
        }
      }
      const std::int64_t pair = b * classes + c;
      const double distance = warp(cost.data(), steps, length, diagonal, breakpoints + pair * (steps - 1));
      if (distances != nullptr) distances[pair] = distance;
    }
  }
}

template void search_paths(const ParametersView<float>&, const SamplesView<float>&, bool, std::int32_t*, double*);
template void search_paths(const ParametersView<double>&, const SamplesView<double>&, bool, std::int32_t*, double*);

}  // namespace alignment::kernels::reference
