#include "kernels/cpu/simd/update.inl"
#include "kernels/cpu/simd/update_table.hpp"

namespace alignment::kernels::cpu {

const UpdateVariant& avx512_update_variant() {
  static constexpr UpdateVariant kVariant{
      "avx512", [] { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"); }, adamw_row};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
