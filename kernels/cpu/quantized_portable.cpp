#include <cstdlib>

#include "kernels/cpu/quantized.inl"
#include "kernels/cpu/quantized_table.hpp"

namespace {

inline IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step) {
  typedef std::int8_t Bytes __attribute__((vector_size(sizeof(IntVector))));
  const Bytes c = reinterpret_cast<Bytes>(centroid), m = reinterpret_cast<Bytes>(step),
              w = reinterpret_cast<Bytes>(weight);
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int byte = 4 * lane; byte < 4 * lane + 4; ++byte) sum[lane] += w[byte] * std::abs(c[byte] - m[byte]);
  }
  return sum;
}

}  // namespace

namespace dejavid::kernels::cpu {

const QuantizedVariant& portable_quantized_variant() {
  static constexpr QuantizedVariant kVariant{"portable", [] { return true; }, quantized_cost, quantize_sample};
  return kVariant;
}

}  // namespace dejavid::kernels::cpu
