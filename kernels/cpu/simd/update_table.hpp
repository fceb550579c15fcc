#pragma once

#include "kernels/update.hpp"

namespace alignment::kernels::cpu {
#if defined(DEJAVID_X86_VARIANTS)
const UpdateVariant& avx512_update_variant();
const UpdateVariant& avx2_update_variant();
#endif
const UpdateVariant& portable_update_variant();
}  // namespace alignment::kernels::cpu
