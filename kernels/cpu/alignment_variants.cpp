#include "kernels/alignment_variants.hpp"

#include <algorithm>
#include <array>

#include "kernels/cpu/simd/alignment_table.hpp"

namespace alignment::kernels::cpu {

std::span<const AlignmentVariant> alignment_variants() {
#if defined(DEJAVID_X86_VARIANTS)
  static const std::array table{avx512_alignment_variant(), avx2_alignment_variant(), portable_alignment_variant()};
#else
  static const std::array table{portable_alignment_variant()};
#endif
  return table;
}

const AlignmentVariant& best_alignment_variant() {
  static const AlignmentVariant& best =
      *std::find_if(alignment_variants().begin(), alignment_variants().end(),
                    [](const AlignmentVariant& variant) { return variant.supported(); });
  return best;
}

}  // namespace alignment::kernels::cpu
