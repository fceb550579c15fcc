#include "kernels/cpu/simd/quantized.inl"
#include "kernels/cpu/simd/quantized_table.hpp"

namespace {

inline IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step) {
  const __m512i difference =
      _mm512_abs_epi8(_mm512_sub_epi8(reinterpret_cast<__m512i>(centroid), reinterpret_cast<__m512i>(step)));
  return reinterpret_cast<IntVector>(
      _mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), difference, reinterpret_cast<__m512i>(weight)));
}

}  // namespace

namespace alignment::kernels::cpu {

const QuantizedVariant& avx512vnni_quantized_variant() {
  static constexpr QuantizedVariant kVariant{"avx512vnni",
                                             [] {
                                               return __builtin_cpu_supports("avx512f") &&
                                                      __builtin_cpu_supports("avx512dq") &&
                                                      __builtin_cpu_supports("avx512bw") &&
                                                      __builtin_cpu_supports("avx512vl") &&
                                                      __builtin_cpu_supports("avx512vnni");
                                             },
                                             quantized_cost, quantize_sample};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
