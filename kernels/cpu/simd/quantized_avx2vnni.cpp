#include <cpuid.h>
#include <immintrin.h>

#include "kernels/cpu/simd/quantized.inl"
#include "kernels/cpu/simd/quantized_table.hpp"

namespace {

inline IntVector accumulate(IntVector sum, IntVector centroid, IntVector weight, IntVector step) {
  const __m256i difference =
      _mm256_abs_epi8(_mm256_sub_epi8(reinterpret_cast<__m256i>(centroid), reinterpret_cast<__m256i>(step)));
  return reinterpret_cast<IntVector>(
      _mm256_dpbusd_avx_epi32(reinterpret_cast<__m256i>(sum), difference, reinterpret_cast<__m256i>(weight)));
}

/// AVX-VNNI, which not every compiler knows to ask for.
bool has_avx_vnni() {
  constexpr unsigned kLeaf = 7, kSubleaf = 1, kAvxVnni = 1U << 4U;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(kLeaf, kSubleaf, &eax, &ebx, &ecx, &edx) != 0 && (eax & kAvxVnni) != 0;
}

}  // namespace

namespace alignment::kernels::cpu {

/// For processors that have it without AVX-512.
const QuantizedVariant& avx2vnni_quantized_variant() {
  static constexpr QuantizedVariant kVariant{
      "avx2vnni", [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_avx_vnni(); },
      quantized_cost, quantize_sample};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
