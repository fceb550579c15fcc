#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/record.hpp"

/// The same as kernels_part.cpp does for instruction sets, for the GPU: one file with CUDA, one without.
namespace alignment::dejavid::bench {

/// Whether this build has CUDA kernels and this machine a GPU for them.
[[nodiscard]] bool has_gpu();

/// The CUDA kernels against the reference, bit for bit, on integers and a small cut of `shape`. Nothing where all
/// agree, else one line that names the kernel and the first element that differs.
[[nodiscard]] std::optional<std::string> find_gpu_disagreement(const Shape& shape);

/// Elements a second of the FADD and FFMA loop that no cost kernel can be faster than, on the current GPU: the best of
/// a few runs of at least `seconds`.
[[nodiscard]] double measure_gpu_roof(double seconds);

/// The same as the current GPU's arithmetic units and its highest clock have it.
[[nodiscard]] double nominal_gpu_roof();

/// A line where a measured roof is less than 0.75 of the nominal one (0.79 is what reads of registers leave of it,
/// docs/results/log/2026-11-26-measurements.md): something else holds the loop up then, and what a
/// kernel reaches of the roof hides it.
[[nodiscard]] std::optional<std::string> find_low_roof(double roof, double nominal);

/// All operations on the GPU, with features as f32 and as f16, between two measurements of its roof. Each call finds
/// the caches flushed and is timed by the GPU's own events.
[[nodiscard]] std::vector<Record> measure_gpu_kernels(const Shape& shape, const Patience& patience);

}  // namespace alignment::dejavid::bench
