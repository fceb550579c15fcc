#pragma once

#include <optional>
#include <string>

#include "src/programs/dejavid_bench/kernel_problem.hpp"
#include "src/programs/dejavid_bench/record.hpp"

namespace alignment::bench {

/// The name of a synthetic set's preset, or five numbers "C,K,F,T,B". `samples`, where
/// given, takes the place of B. Throws ConfigError.
[[nodiscard]] Shape parse_shape(const std::string& text, std::optional<std::int64_t> samples);

/// Random reals of that shape, B samples of the same length.
[[nodiscard]] KernelProblem batch_of(const Shape& shape);

}  // namespace alignment::bench
