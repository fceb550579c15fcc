#pragma once

#include <cstdint>

#include "kernels/alignment_variants.hpp"
#include "kernels/variants.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"

namespace alignment::dejavid::bench {

/// See roof_loops.hpp.
using RoofLoop = double (*)(std::int64_t rounds, double* checksum);

/// The loop for the variant's instruction set. Throws std::logic_error for a variant that has none.
[[nodiscard]] RoofLoop roof_loop_of(const kernels::Variant& variant);

/// Measures the elements a second that `threads` threads reach together with that loop: the best of a few short runs.
[[nodiscard]] RoofMeter roof_meter(const kernels::Variant& variant, int threads);
/// The same of multiply-adds in f64.
[[nodiscard]] RoofMeter f64_roof_meter(const kernels::cpu::AlignmentVariant& variant, int threads);
/// The first, once.
[[nodiscard]] double measure_roof(const kernels::Variant& variant, int threads);

}  // namespace alignment::dejavid::bench
