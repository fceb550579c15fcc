#include <gtest/gtest.h>
#include "cuda_shim.hpp"
__global__ void add(int* a, int b) {
  a[blockIdx.x * blockDim.x + threadIdx.x] = b;
  __syncthreads();
}
TEST(Shim, Runs) {
  int* d = nullptr;
  ASSERT_EQ(cudaMalloc(&d, 4 * 64), cudaSuccess);
  cudaLaunchConfig_t c{};
  c.gridDim = 2;
  c.blockDim = 32;
  ASSERT_EQ(cudaLaunchKernelEx(&c, add, d, 7), cudaSuccess);
  int h[64];
  ASSERT_EQ(cudaMemcpy(h, d, sizeof h, cudaMemcpyDeviceToHost), cudaSuccess);
  for (int v : h) EXPECT_EQ(v, 7);
  EXPECT_EQ(cudaFree(d), cudaSuccess);
}
