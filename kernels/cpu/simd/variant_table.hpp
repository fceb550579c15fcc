#pragma once

#include "kernels/variants.hpp"

namespace alignment::kernels::cpu {

#if defined(DEJAVID_X86_VARIANTS)
const Variant& avx512_variant();
const Variant& avx2_variant();
#endif
const Variant& portable_variant();

}  // namespace alignment::kernels::cpu
