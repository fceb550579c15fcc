// Internal linkage in roof.inl: the same loop compiled for another instruction set must stay another function.
#include "src/programs/dejavid_bench/roof.inl"

#include "src/programs/dejavid_bench/roof_loops.hpp"

namespace alignment::bench {

double avx512_roof(std::int64_t rounds, double* checksum) {
  return roof_loop(rounds, checksum);
}

}  // namespace alignment::bench
