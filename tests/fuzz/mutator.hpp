#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace alignment::fuzz {

/// Mutant number `number` of the seeds, the same in every run and on every machine: one or three of flipped bits, a
/// cut, a splice of two seeds, integers of 4 or 8 bytes overwritten with extremes, and a range written twice. Half of
/// the places lie among bytes that are not zero, since HDF5 files are mostly room for more.
[[nodiscard]] std::string mutant(const std::vector<std::string>& seeds, std::uint64_t number);

}  // namespace alignment::fuzz
