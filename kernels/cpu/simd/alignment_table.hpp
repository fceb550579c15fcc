#pragma once

#include "kernels/alignment_variants.hpp"

namespace alignment::kernels::cpu {
#if defined(DEJAVID_X86_VARIANTS)
const AlignmentVariant& avx512_alignment_variant();
const AlignmentVariant& avx2_alignment_variant();
#endif
const AlignmentVariant& portable_alignment_variant();
}  // namespace alignment::kernels::cpu
