#pragma once

#include <cstddef>
#include <cstring>

namespace alignment::io {

/// The unsigned integer `Bits` whose bytes these are, in this machine's order or, where `swapped`, in the other.
template <typename Bits>
[[nodiscard]] Bits load_bits(const char* bytes, bool swapped) {
  char ordered[sizeof(Bits)];
  for (std::size_t n = 0; n < sizeof(Bits); ++n) {
    ordered[n] = bytes[swapped ? sizeof(Bits) - 1 - n : n];
  }
  Bits bits{};
  std::memcpy(&bits, ordered, sizeof(Bits));
  return bits;
}

}  // namespace alignment::io
