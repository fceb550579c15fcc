#include "kernels/roof.hpp"

#include "kernels/cuda/device.cuh"

namespace dejavid::kernels::cuda {
namespace {

constexpr int kSide = 8;
static_assert(kSide * kSide == kRoofElements);

__global__ void __launch_bounds__(static_cast<int>(kRoofThreads), 2)
    roof_kernel(std::int64_t rounds, float scale, float* __restrict__ checksums) {
  float centroid[kSide], weight[kSide], m[kSide], sum[kSide][kSide] = {};
#pragma unroll
  for (int k = 0; k < kSide; ++k) {  // numbers that the compiler cannot know
    centroid[k] = scale * static_cast<float>(threadIdx.x + k);
    weight[k] = scale * static_cast<float>(kSide + k) / 32.0F;
    m[k] = scale * static_cast<float>(blockIdx.x % 7 + k);
  }
#pragma unroll 2
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int j = 0; j < kSide; ++j) {
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
        // The sum's own value in m's place: no round is like the one before. __fadd_rn stays an FADD.
        sum[j][i] = fmaf(weight[i], fabsf(__fadd_rn(centroid[i], -sum[j][i])), m[j]);
      }
    }
  }
  float total = 0.0F;
#pragma unroll
  for (int j = 0; j < kSide; ++j) {
#pragma unroll
    for (int i = 0; i < kSide; ++i) total += sum[j][i];
  }
  checksums[global_thread()] = total;
}

}  // namespace

void roof(std::int64_t blocks, std::int64_t rounds, float* checksums, Stream stream) {
  launch("roof", roof_kernel, grid(blocks), static_cast<unsigned>(kRoofThreads), 0, stream, rounds, 1.0F, checksums);
}

}  // namespace dejavid::kernels::cuda
