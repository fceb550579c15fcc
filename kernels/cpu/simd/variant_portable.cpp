// Internal linkage throughout the .inl files: the same loops compiled for another instruction set must stay another
// function.
#include "kernels/cpu/simd/along_path.inl"
#include "kernels/cpu/simd/cost.inl"
#include "kernels/cpu/simd/variant_table.hpp"
#include "kernels/cpu/simd/warp.inl"

namespace alignment::kernels::cpu {

const Variant& portable_variant() {
  static constexpr Variant kVariant{"portable",    [] { return true; }, cost,    warp,
                                    path_distance, path_gradient,       add_wide};
  return kVariant;
}

}  // namespace alignment::kernels::cpu
