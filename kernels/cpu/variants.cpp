#include "kernels/variants.hpp"

#include <algorithm>
#include <array>

#include "kernels/cpu/simd/variant_table.hpp"

namespace alignment::kernels {

std::span<const Variant> variants() {
#if defined(DEJAVID_X86_VARIANTS)
  static const std::array table{cpu::avx512_variant(), cpu::avx2_variant(), cpu::portable_variant()};
#else
  static const std::array table{cpu::portable_variant()};
#endif
  return table;
}

const Variant& best_variant() {
  static const Variant& best =
      *std::find_if(variants().begin(), variants().end(), [](const Variant& variant) { return variant.supported(); });
  return best;
}

}  // namespace alignment::kernels
