// sub, and, fma from registers and nothing else, in the vectors of the instruction set that the including file is
// compiled for: what bounds every kernel. Where the set has no fma, a multiplication and an addition.
#pragma once

#include "kernels/cpu/simd/simd.inl"

namespace {

/// Independent sums: enough to hide the latency of the chain sub, and, fma on two ports, few enough for the registers.
#if defined(__AVX512F__)
constexpr int kSums = 24;
#elif defined(__AVX2__)
constexpr int kSums = 10;
#else
constexpr int kSums = 8;
#endif

/// Makes the compiler believe that `value` has changed, at no cost in instructions: else it would compute the same
/// difference once, before the loop.
template <typename Lanes>
void renew(Lanes& value) {
#if defined(__AVX512F__)
  asm volatile("" : "+v"(value));
#elif defined(__x86_64__)
  asm volatile("" : "+x"(value));
#elif defined(__aarch64__)
  asm volatile("" : "+w"(value));
#else
  asm volatile("" : "+m"(value));
#endif
}

double roof_loop(std::int64_t rounds, double* checksum) {
  Vector centroid = Vector{} + 1.5F, weight = Vector{} + 0.5F, feature = Vector{} + 1.25F;
  renew(centroid);
  renew(weight);
  Registers<kSums> sum = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
    for (int s = 0; s < kSums; ++s) {
      renew(feature);
      sum[s] += weight * absolute(centroid - feature);
    }
  }
  for (int s = 1; s < kSums; ++s) sum[0] += sum[s];
  *checksum = lane_sum(sum[0]);
  return static_cast<double>(rounds) * kSums * kLanes;
}

typedef double Doubles __attribute__((vector_size(sizeof(Vector))));
constexpr int kDoubles = sizeof(Vector) / sizeof(double);

/// fma of f64 from registers, nothing else.
double f64_roof_loop(std::int64_t rounds, double* checksum) {
  Doubles left = Doubles{} + 1.5, right = Doubles{} + 0.5;
  renew(left);
  Doubles sum[kSums] = {};
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
    for (int s = 0; s < kSums; ++s) {
      renew(right);
      sum[s] += left * right;
    }
  }
  *checksum = 0;
  for (const Doubles& one : sum) {
    for (int lane = 0; lane < kDoubles; ++lane) *checksum += one[lane];
  }
  return static_cast<double>(rounds) * kSums * kDoubles;
}

}  // namespace
