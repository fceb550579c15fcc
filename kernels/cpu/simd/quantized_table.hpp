#pragma once

#include "kernels/quantized.hpp"

namespace alignment::kernels::cpu {
#if defined(DEJAVID_X86_VARIANTS)
const QuantizedVariant& avx512vnni_quantized_variant();
const QuantizedVariant& avx2vnni_quantized_variant();
const QuantizedVariant& avx2_quantized_variant();
#endif
const QuantizedVariant& portable_quantized_variant();
}  // namespace alignment::kernels::cpu
