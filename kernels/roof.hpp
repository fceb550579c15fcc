#pragma once

#include "kernels/device.hpp"

namespace alignment::kernels::cuda {

inline constexpr std::int64_t kRoofThreads = 256;  ///< of a block
inline constexpr std::int64_t kRoofElements = 64;  ///< that a thread updates in a round

/// What no cost kernel can be faster than: u*|c - m| added up in registers, an FADD and an FFMA an element, with one
/// centroid and one weight a thread and nothing to load. blocks * kRoofThreads * kRoofElements * rounds elements;
/// checksums [blocks * kRoofThreads].
void roof(std::int64_t blocks, std::int64_t rounds, float* checksums, Stream stream);

}  // namespace alignment::kernels::cuda
