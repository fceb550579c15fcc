#include "src/programs/dejavid_bench/validation.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "kernels/warp.hpp"
#include "src/programs/dejavid_bench/kernel_problem.hpp"
#include "src/programs/dejavid_bench/naive.hpp"

namespace alignment::bench {
namespace {

// A cell costs at most 2 * 4 * kMostFeatures, a path of kMostSteps + kMostLength cells below 2^24: exact in f32.
constexpr std::int64_t kMostClasses = 19, kMostSteps = 64, kMostFeatures = 600, kMostLength = 100;
static_assert(std::int64_t{2} * 4 * kMostFeatures * (kMostSteps + kMostLength) < std::int64_t{1} << 24U);

/// Fewer features, but as many beyond the last whole block.
std::int64_t cut_features(std::int64_t features) {
  const std::int64_t beyond = std::max(features - kMostFeatures, std::int64_t{0});
  return features - (beyond + kernels::kBlockFeatures - 1) / kernels::kBlockFeatures * kernels::kBlockFeatures;
}

}  // namespace

KernelProblem cut_problem(const Shape& shape) {
  const std::int64_t length = std::clamp(static_cast<std::int64_t>(shape.length), std::int64_t{1}, kMostLength);
  return {std::min(shape.classes, kMostClasses),
          std::min(shape.steps, kMostSteps),
          cut_features(shape.features),
          {length, (length + 1) / 2, 1, length},
          Numbers::kSmallIntegers};
}

Expected::Expected(KernelProblem& problem)
    : rows(problem.parameters().classes * problem.parameters().steps),
      stride(kernels::cost_stride(problem.parameters().classes, problem.parameters().steps)) {
  const auto parameters = problem.parameters();
  const auto samples = problem.samples();
  cost.resize(
      static_cast<std::size_t>(samples.total_steps() * kernels::cost_stride(parameters.classes, parameters.steps)));
  kernels::reference::cost_matrices(parameters, samples, cost.data());
  breakpoints.resize(problem.breakpoints().size());
  kernels::reference::search_paths(parameters, samples, false, breakpoints.data(), nullptr);
  distances.resize(problem.distance_values().size());
  kernels::reference::distances_along_paths(parameters, samples, breakpoints.data(), distances.data());
  slope_sum.resize(static_cast<std::size_t>(parameters.element_count()));
  magnitude_sum.resize(slope_sum.size());
  kernels::reference::gradient_along_paths(parameters, samples, breakpoints.data(), problem.distance_gradient().data(),
                                           kernels::TieSign::kZero, slope_sum.data(), magnitude_sum.data());
}

std::vector<double> Expected::plain_cost() const {
  std::vector<double> plain;
  for (auto column = cost.begin(); column != cost.end(); column += stride) {
    plain.insert(plain.end(), column, column + rows);
  }
  return plain;
}

namespace {

std::optional<std::string> compare_cost(const KernelProblem& problem, const Expected& expected) {
  const auto parameters = problem.parameters();
  const std::int64_t rows = parameters.classes * parameters.steps;
  const std::int64_t stride = kernels::cost_stride(parameters.classes, parameters.steps);
  const auto place = [&](std::int64_t at) { return at / rows * stride + at % rows; };  // padding is nobody's
  return compare(
      problem.samples().total_steps() * rows,
      [&](std::int64_t at) { return static_cast<double>(problem.cost_values()[place(at)]); },
      [&](std::int64_t at) { return expected.cost[static_cast<std::size_t>(place(at))]; });
}

std::optional<std::string> compare_blocked(const KernelProblem& problem, const double* blocked,
                                           const std::vector<double>& wanted) {
  const auto parameters = problem.parameters();
  const std::int64_t features = parameters.feature_dim;
  const auto place = [&](std::int64_t at) {
    const std::int64_t feature = at % features, first = feature / kernels::kBlockFeatures * kernels::kBlockFeatures;
    return kernels::block_offset(parameters.classes * parameters.steps, features, first, at / features) + feature -
           first;
  };
  return compare(
      parameters.element_count(), [&](std::int64_t at) { return blocked[place(at)]; },
      [&](std::int64_t at) { return wanted[static_cast<std::size_t>(at)]; });
}

std::optional<std::string> compare_result(const Operation& operation, KernelProblem& problem,
                                          const Expected& expected) {
  if (operation.name == "cost") return compare_cost(problem, expected);
  if (operation.name == "search_paths") return first_difference(problem.breakpoints(), expected.breakpoints);
  if (operation.name == "distances_along_paths") return first_difference(problem.distance_values(), expected.distances);
  if (operation.name == "gradient_along_paths") {
    if (auto slope = compare_blocked(problem, problem.slope_sum(), expected.slope_sum)) return slope;
    return compare_blocked(problem, problem.magnitude_sum(), expected.magnitude_sum);
  }
  throw std::logic_error(fmt::format("{}: found nothing to compare it with; expected a reference", operation.name));
}

}  // namespace

std::optional<std::string> find_disagreement(const kernels::Variant& variant, const Shape& shape, int threads) {
  KernelProblem problem = cut_problem(shape);
  const Expected expected(problem);
  for (const Operation& operation : kOperations) {
    // Each operation on its own: what one gets wrong must not reach the next.
    problem.breakpoints() =
        operation.along_paths ? expected.breakpoints : std::vector<std::int32_t>(expected.breakpoints.size(), -1);
    (problem.*operation.run)(threads, variant);
    if (const auto difference = compare_result(operation, problem, expected)) {
      return fmt::format("variant {}: {}{} as the reference has it; do not use this variant on this processor",
                         variant.name, operation.name, *difference);
    }
  }
  return std::nullopt;
}

std::vector<double> quantized_costs(const KernelProblem& problem) {
  const auto parameters = problem.parameters();
  const auto samples = problem.samples();
  const std::int64_t feature_dim = parameters.feature_dim;
  std::vector<float> lows(static_cast<std::size_t>(feature_dim)), inverse_steps(lows.size());
  std::vector<std::uint8_t> centroids(static_cast<std::size_t>(parameters.element_count())), weights(centroids.size()),
      step(lows.size());
  kernels::reference::quantize_parameters(parameters, lows.data(), inverse_steps.data(), centroids.data(),
                                          weights.data());
  std::vector<double> costs;
  for (std::int64_t j = 0; j < samples.total_steps(); ++j) {
    for (std::size_t f = 0; f < step.size(); ++f) {
      step[f] = kernels::quantize(samples.sample(0)[j * feature_dim + static_cast<std::int64_t>(f)], lows[f],
                                  inverse_steps[f]);
    }
    for (std::int64_t row = 0; row < parameters.classes * parameters.steps; ++row) {
      const std::int64_t at = (row % parameters.classes * parameters.steps + row / parameters.classes) * feature_dim;
      costs.push_back(static_cast<double>(
          kernels::reference::quantized_cost(centroids.data() + at, weights.data() + at, step.data(), feature_dim)));
    }
  }
  return costs;
}

std::optional<std::string> find_quantized_disagreement(const kernels::cpu::QuantizedVariant& variant,
                                                       const Shape& shape, int threads) {
  KernelProblem problem = cut_problem(shape);
  const auto parameters = problem.parameters();
  const auto samples = problem.samples();
  const std::int64_t steps = parameters.steps, rows = parameters.classes * steps;
  const std::vector<double> costs = quantized_costs(problem);
  problem.search_quantized_paths(threads, variant);
  const std::int32_t* path = problem.breakpoints().data();
  for (std::int64_t b = 0; b < samples.count; ++b) {
    const std::int64_t length = samples.length(b);
    for (std::int64_t c = 0; c < parameters.classes; ++c, path += steps - 1) {
      std::vector<double> cost(static_cast<std::size_t>(steps * length));
      for (std::int64_t j = 0; j < length; ++j) {
        const std::int64_t column = (samples.offsets[b] - samples.offsets[0] + j) * rows;
        for (std::int64_t i = 0; i < steps; ++i) {
          cost[static_cast<std::size_t>(i * length + j)] =
              costs[static_cast<std::size_t>(column + i * parameters.classes + c)];
        }
      }
      std::vector<std::int32_t> best_path(static_cast<std::size_t>(steps - 1));
      const double best = kernels::reference::warp(cost.data(), steps, length, false, best_path.data());
      double found = 0;
      for (std::int64_t i = 0; i < steps; ++i) {
        const auto [first, last] = kernels::row_columns(path, i, steps, length);
        for (std::int64_t j = first; j <= last; ++j) found += cost[static_cast<std::size_t>(i * length + j)];
      }
      // The dynamic programme adds K+T-1 costs in f32, along both paths.
      if (!(found <= best * (1 + 2 * static_cast<double>(steps + length) * 0x1p-24))) {
        return fmt::format(
            "variant {}: search_paths_i8, sample {} and class {}: found a path of cost {}; expected {}, as the "
            "reference has it; do not use this variant on this processor",
            variant.name, b, c, found, best);
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> find_naive_disagreement(const Shape& shape, std::int64_t block_bytes) {
  KernelProblem problem = cut_problem(shape);
  const Expected expected(problem);
  NaiveStep naive(problem.parameters(), problem.samples(), block_bytes);
  std::optional<std::string> line;
  const auto report = [&](const char* what, const std::optional<std::string>& difference) {
    if (!difference || line) return;
    line = fmt::format("naive: {}{} as the reference has it; compare nothing with this build", what, *difference);
  };
  naive.search_paths();
  report("breakpoints", first_difference(naive.breakpoints(), expected.breakpoints));
  naive.breakpoints() = expected.breakpoints;
  naive.distances();
  report("distances", first_difference(naive.distance_values(), expected.distances));
  naive.gradient(problem.distance_gradient());
  report("slope_sum", first_difference(naive.slope_sum(), expected.slope_sum));
  report("magnitude_sum", first_difference(naive.magnitude_sum(), expected.magnitude_sum));
  return line;
}

}  // namespace alignment::bench
