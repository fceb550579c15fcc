#pragma once

#include <optional>
#include <string>

#include "kernels/variants.hpp"
#include "src/programs/dejavid_bench/record.hpp"

namespace dejavid::bench {

/// Compares every operation of a variant with the reference, bit for bit, on integers and a small cut of `shape`.
/// Nothing where all agree, else one line that names the variant, the operation and the first element that differs.
[[nodiscard]] std::optional<std::string> find_disagreement(const kernels::Variant& variant, const Shape& shape,
                                                           int threads);

}  // namespace dejavid::bench
