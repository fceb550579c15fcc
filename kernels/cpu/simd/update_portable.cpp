#include "kernels/cpu/simd/update.inl"
#include "kernels/cpu/simd/update_table.hpp"

namespace alignment::kernels::cpu {

const UpdateVariant& portable_update_variant() {
  static constexpr UpdateVariant kVariant{"portable", [] { return true; }, adamw_row};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
