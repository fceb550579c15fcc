// Internal linkage in roof.inl: the same loop compiled for another instruction set must stay another function.
#include "src/programs/dejavid_bench/roof/roof.inl"

#include "src/programs/dejavid_bench/roof/roof_loops.hpp"

namespace alignment::dejavid::bench {

double avx512_roof(std::int64_t rounds, double* checksum) {
  return roof_loop(rounds, checksum);
}

double avx512_f64_roof(std::int64_t rounds, double* checksum) {
  return f64_roof_loop(rounds, checksum);
}

}  // namespace alignment::dejavid::bench
