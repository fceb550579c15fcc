#pragma once

#include <cstdint>

#include "kernels/variants.hpp"
#include "src/programs/dejavid_bench/measurement.hpp"

namespace alignment::bench {

/// See roof_loops.hpp.
using RoofLoop = double (*)(std::int64_t rounds, double* checksum);

/// The loop for the variant's instruction set. Throws std::logic_error for a variant that has none.
[[nodiscard]] RoofLoop roof_loop_of(const kernels::Variant& variant);

/// Measures the elements a second that `threads` threads reach together with that loop: the best of a few short runs.
[[nodiscard]] RoofMeter roof_meter(const kernels::Variant& variant, int threads);
/// The same, once.
[[nodiscard]] double measure_roof(const kernels::Variant& variant, int threads);

}  // namespace alignment::bench
