#include "kernels/cuda/device.cuh"
#include "kernels/dropout.hpp"

namespace alignment::kernels::cuda {
namespace {

constexpr int kThreads = 256;

/// A thread draws two numbers.
__global__ void __launch_bounds__(kThreads)
    dropout_mask_kernel(const DropoutMask numbers, std::int64_t count, float* __restrict__ mask) {
  const std::int64_t n = global_thread();
  if (2 * n >= count) return;
  const DropoutMask::Pair pair = numbers.pair(n);
  mask[2 * n] = pair.first;
  if (2 * n + 1 < count) mask[2 * n + 1] = pair.second;
}

}  // namespace

void dropout_mask(const DropoutDraw& draw, std::int64_t count, float* mask, Stream stream) {
  launch("dropout_mask", dropout_mask_kernel, grid(divide_up<std::int64_t>(count, 2 * kThreads)), kThreads, 0, stream,
         DropoutMask(draw), count, mask);
}

}  // namespace alignment::kernels::cuda
