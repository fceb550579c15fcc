#include <immintrin.h>

#include "kernels/cpu/simd/quantized.inl"
#include "kernels/cpu/simd/quantized_table.hpp"

namespace {

inline IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step) {
  const __m256i difference =
      _mm256_abs_epi8(_mm256_sub_epi8(reinterpret_cast<__m256i>(centroid), reinterpret_cast<__m256i>(step)));
  // Two products of 127 * 127 fit into 16 bits.
  const __m256i pairs = _mm256_maddubs_epi16(difference, reinterpret_cast<__m256i>(weight));
  return sum + reinterpret_cast<IntVector>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

}  // namespace

namespace alignment::kernels::cpu {

const QuantizedVariant& avx2_quantized_variant() {
  static constexpr QuantizedVariant kVariant{
      "avx2", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }, quantized_cost,
      quantize_sample};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
