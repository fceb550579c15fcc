#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/update.hpp"
#include "tests/kernels/problem.hpp"

namespace alignment::kernels::testing {

inline std::vector<float> normals(std::int64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& value : numbers) value = static_cast<float>(std::normal_distribution<double>()(generator));
  return numbers;
}

/// [F] each, for the reference; empty: none.
struct Units {
  std::vector<double> unit, rest;

  [[nodiscard]] StepUnits<double> view() const {
    if (unit.empty()) return {};
    return {unit.data(), rest.data(), static_cast<std::int64_t>(unit.size())};
  }
};

/// One group's update against the reference from the same f32 state.
inline void expect_adamw(const std::vector<float>& before, const std::vector<float>& first_before,
                         const std::vector<float>& second_before, const std::vector<double>& gradient, double lr,
                         const UpdateRates& rates, const std::vector<float>& after,
                         const std::vector<float>& first_after, const std::vector<float>& second_after,
                         const Units& units) {
  std::vector<double> parameters(before.begin(), before.end()), first(first_before.begin(), first_before.end()),
      second(second_before.begin(), second_before.end());
  reference::adamw({parameters.data(), first.data(), second.data()}, static_cast<std::int64_t>(before.size()),
                   gradient.data(), lr, rates.weight_decay, rates.step, units.view());
  const auto step = static_cast<double>(rates.step);
  const double step_size = lr / (1 - std::pow(0.9, step));
  for (std::size_t n = 0; n < parameters.size(); ++n) {
    // Roundings: of the constants, of u times the sum and times s, of each product and sum; 5 in the first moment,
    // relative to its terms, 10 in the second, whose terms are all positive.
    const double unit = units.unit.empty() ? 1 : units.unit[n % units.unit.size()];
    const double rest = units.rest.empty() ? 0 : units.rest[n % units.rest.size()];
    const double first_error =
        5 * kRoundoff * (0.9 * std::abs(static_cast<double>(first_before[n])) + 0.1 * std::abs(unit * gradient[n]));
    ASSERT_NEAR(static_cast<double>(first_after[n]), first[n], first_error);
    ASSERT_NEAR(static_cast<double>(second_after[n]), second[n], 10 * kRoundoff * second[n]);
    // The root halves the second moment's error; it, its factor, the sum, the quotient and the step size and s add 7.
    // The parameter itself is rounded 3 times: decay, product, sum; and r is, with its factor and product, 5 times.
    const double denominator = std::sqrt(second[n] / (1 - std::pow(0.999, step))) + 1e-8;
    const double moved = unit * step_size * std::abs(first[n]) / denominator;
    const double error = unit * step_size * first_error / denominator + 12 * kRoundoff * moved +
                         3 * kRoundoff * (std::abs(static_cast<double>(before[n])) + moved) +
                         5 * kRoundoff * lr * rates.weight_decay * std::abs(rest);
    ASSERT_NEAR(static_cast<double>(after[n]), parameters[n], error);
  }
}

}  // namespace alignment::kernels::testing
