#pragma once

#include <optional>
#include <string>

#include <vector>

#include <fmt/format.h>

#include "kernels/variants.hpp"
#include "src/programs/dejavid_bench/kernel_problem.hpp"
#include "src/programs/dejavid_bench/record.hpp"

namespace alignment::bench {

/// A small cut of `shape` with integers, on which every kernel is exact.
[[nodiscard]] KernelProblem cut_problem(const Shape& shape);

/// What the reference finds.
struct Expected {
  explicit Expected(KernelProblem& problem);

  [[nodiscard]] std::vector<double> plain_cost() const;  ///< [sum of T, K*C], row i*C + c

  std::vector<double> cost;  ///< as cost.hpp lays it out
  std::vector<double> distances, slope_sum, magnitude_sum;
  std::vector<std::int32_t> breakpoints;
  std::int64_t rows, stride;  ///< K*C; cost_stride
};

/// [sum of T, K*C], row i*C + c: costs of the numbers as the reference quantizes them.
[[nodiscard]] std::vector<double> quantized_costs(const KernelProblem& problem);

/// "[3]: found 1; expected 2" for the first of `count` elements that differ.
template <typename Found, typename Wanted>
std::optional<std::string> compare(std::int64_t count, Found&& found, Wanted&& wanted) {
  for (std::int64_t at = 0; at < count; ++at) {
    if (found(at) != wanted(at)) return fmt::format("[{}]: found {}; expected {}", at, found(at), wanted(at));
  }
  return std::nullopt;
}

template <typename Value>
std::optional<std::string> first_difference(const std::vector<Value>& found, const std::vector<Value>& wanted) {
  return compare(
      static_cast<std::int64_t>(wanted.size()), [&](std::int64_t at) { return found[static_cast<std::size_t>(at)]; },
      [&](std::int64_t at) { return wanted[static_cast<std::size_t>(at)]; });
}

/// Compares every operation of a variant with the reference, bit for bit, on integers and a small cut of `shape`.
/// Nothing where all agree, else one line that names the variant, the operation and the first element that differs.
[[nodiscard]] std::optional<std::string> find_disagreement(const kernels::Variant& variant, const Shape& shape,
                                                           int threads);

/// The same for a path search on integers: whether no other path costs less in them.
[[nodiscard]] std::optional<std::string> find_quantized_disagreement(const kernels::cpu::QuantizedVariant& variant,
                                                                     const Shape& shape, int threads);

/// The same for NaiveStep, as many classes at a time as `block_bytes` allow.
[[nodiscard]] std::optional<std::string> find_naive_disagreement(const Shape& shape, std::int64_t block_bytes);

}  // namespace alignment::bench
