#include "kernels/cpu/simd/quantized.inl"
#include "kernels/cpu/simd/quantized_table.hpp"

namespace {

typedef std::int16_t ShortVector __attribute__((vector_size(sizeof(IntVector))));

/// The bytes of every pair apart: which of the two comes first depends on the machine, and does not matter to a sum.
inline ShortVector low_bytes(ShortVector pairs) {
  return pairs & 0xff;
}

/// Of bytes 0 .. 127.
inline ShortVector high_bytes(ShortVector pairs) {
  return pairs >> 8;
}

inline IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step) {
  typedef std::int8_t Bytes __attribute__((vector_size(sizeof(IntVector))));
  const Bytes difference = reinterpret_cast<Bytes>(centroid) - reinterpret_cast<Bytes>(step);
  const Bytes negative = difference < 0;
  const auto distance = reinterpret_cast<ShortVector>((difference ^ negative) - negative);
  const auto weights = reinterpret_cast<ShortVector>(weight);
  // Two products of 127 * 127 fit into 16 bits.
  const auto pairs = reinterpret_cast<IntVector>(low_bytes(distance) * low_bytes(weights) +
                                                 high_bytes(distance) * high_bytes(weights));
  return sum + (pairs & 0xffff) + (pairs >> 16);
}

}  // namespace

namespace alignment::kernels::cpu {

const QuantizedVariant& portable_quantized_variant() {
  static constexpr QuantizedVariant kVariant{"portable", [] { return true; }, quantized_cost, quantize_sample};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
