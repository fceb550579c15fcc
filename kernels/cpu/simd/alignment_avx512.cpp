#include "kernels/cpu/simd/alignment_table.hpp"
#include "kernels/cpu/simd/dependent_dtw.inl"
#include "kernels/cpu/simd/dtw.inl"
#include "kernels/cpu/simd/pairwise.inl"
#include "kernels/cpu/simd/soft_dtw.inl"

namespace alignment::kernels::cpu {

const AlignmentVariant& avx512_alignment_variant() {
  static constexpr AlignmentVariant kVariant{
      "avx512",
      [] {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
      },
      {soft_dtw<float>, dtw<float>, distances<float>, squares<float>, pull<float>, squares_of_rows<float>},
      {soft_dtw<double>, dtw<double>, distances<double>, squares<double>, pull<double>, squares_of_rows<double>},
      dependent_dtw,
      squares_by_differences,
      squares_by_products,
      smallest_squares,
      find_contenders,
      square_roots};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
