#pragma once

#include <cstdint>

/// One instruction set's loop of sub, and, fma from registers each: adds up |1.5 - 1.25| * 0.5 `rounds` times for a
/// fixed number of elements, and returns how many elements that were in all. `checksum`: their sum, so that nothing is
/// optimised away. `f64`: the same of fma in f64 alone, 1.5 * 0.5.
namespace alignment::dejavid::bench {

#if defined(DEJAVID_X86_VARIANTS)
double avx512_roof(std::int64_t rounds, double* checksum);
double avx512_f64_roof(std::int64_t rounds, double* checksum);
double avx2_roof(std::int64_t rounds, double* checksum);
double avx2_f64_roof(std::int64_t rounds, double* checksum);
#endif
double portable_roof(std::int64_t rounds, double* checksum);
double portable_f64_roof(std::int64_t rounds, double* checksum);

}  // namespace alignment::dejavid::bench
