#include "kernels/roof.hpp"

#include "kernels/cuda/device.cuh"

namespace alignment::kernels::cuda {
namespace {

constexpr int kSums = static_cast<int>(kRoofElements);

__global__ void __launch_bounds__(static_cast<int>(kRoofThreads), 2)
    roof_kernel(std::int64_t rounds, float scale, float* __restrict__ checksums) {
  // One centroid and one weight, so that every instruction has a register that the one before has read: a scheduler
  // reads one register a clock from each of two banks.
  const float centroid = scale * static_cast<float>(threadIdx.x), weight = scale / 64.0F;
  float sum[kSums];
#pragma unroll
  for (int k = 0; k < kSums; ++k) sum[k] = scale * static_cast<float>(blockIdx.x % 7 + static_cast<unsigned>(k));
#pragma unroll 2
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int k = 0; k < kSums; ++k) {
      // The sum's own value in m's place: no round is like the one before. __fadd_rn stays an FADD.
      sum[k] = fmaf(-weight, fabsf(__fadd_rn(centroid, -sum[k])), sum[k]);
    }
  }
  float total = 0.0F;
#pragma unroll
  for (int k = 0; k < kSums; ++k) total += sum[k];
  checksums[global_thread()] = total;
}

}  // namespace

void roof(std::int64_t blocks, std::int64_t rounds, float* checksums, Stream stream) {
  launch("roof", roof_kernel, grid(blocks), static_cast<unsigned>(kRoofThreads), 0, stream, rounds, 1.0F, checksums);
}

}  // namespace alignment::kernels::cuda
