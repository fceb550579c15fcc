// What every kernel file of this folder uses.
#pragma once

#include <cuda_fp16.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <utility>

#include "kernels/device.hpp"
#include "kernels/launch_failure.hpp"

namespace alignment::kernels::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFU;

template <typename Integer>
constexpr Integer divide_up(Integer amount, Integer part) {
  return (amount + part - 1) / part;
}

#ifdef __CUDACC__
/// The block's dynamic shared memory.
template <typename T>
__device__ __forceinline__ T* dynamic_shared() {
  extern __shared__ float4 shared_memory[];
  return reinterpret_cast<T*>(shared_memory);
}
#else
template <typename T>
T* dynamic_shared() {
  return static_cast<T*>(shim_dynamic_shared());
}
#endif

/// Throws LaunchFailure where a call on the way to the start of `kernel` on `stream` did not succeed.
inline void check(cudaError_t error, const char* kernel, Stream stream) {
  if (error == cudaSuccess) return;
  // What a kernel that has failed leaves behind answers every later call; what is wrong with this start, only this one.
  const bool of_earlier_work = cudaStreamQuery(stream) == error;
  static_cast<void>(cudaGetLastError());  // a later launch must not report it again
  const std::string text = cudaGetErrorString(error);
  if (of_earlier_work) {
    throw LaunchFailure("GPU: found at the start of the kernel " + std::string(kernel) +
                        " that work before it has failed (" + text +
                        "); expected it to succeed; start again with CUDA_LAUNCH_BLOCKING=1 to see which it was, and "
                        "look at the driver's log");
  }
  throw LaunchFailure("GPU: found no way to start the kernel " + std::string(kernel) + " (" + text +
                      "); expected room for it; see dejavid_dist doctor");
}

/// Starts `kernel` with blocks of `threads`. More than 48 KiB of shared memory has to be asked for. A kernel with
/// dynamic shared memory also wants as much of the cache as can be for it: how a multiprocessor's memory is divided
/// changes only while it is idle, so kernels that would divide it differently cannot share one.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 blocks, unsigned threads, std::size_t shared_bytes,
            Stream stream, Arguments&&... arguments) {
  if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0) return;
  if (shared_bytes > 48 * 1024) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
          name, stream);
  }
  if (shared_bytes > 0) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared),
          name, stream);
  }
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = blocks;
  configuration.blockDim = dim3(threads);
  configuration.dynamicSmemBytes = shared_bytes;
  configuration.stream = stream;
  check(cudaLaunchKernelEx(&configuration, kernel, std::forward<Arguments>(arguments)...), name, stream);
}

/// The grid's x extent may be 2^31 - 1 blocks; y and z are for small factors.
inline dim3 grid(std::int64_t x, std::int64_t y = 1, std::int64_t z = 1) {
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y), static_cast<unsigned>(z));
}

__device__ __forceinline__ std::int64_t global_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

/// Inclusive columns of one row, as row_columns() of tensors.hpp; an empty range beyond the last row.
struct Columns {
  int first, last;
};

__device__ __forceinline__ Columns columns_of(const std::int32_t* breakpoints, int row, int steps, int length) {
  if (row >= steps) return {1, 0};
  Columns columns{0, length - 1};
  if (row > 0) {
    const int start = breakpoints[row - 1];
    columns.first = start >= 0 ? start : ~start + 1;
  }
  if (row < steps - 1) {
    const int end = breakpoints[row];
    columns.last = end >= 0 ? end : ~end;
  }
  return columns;
}

__device__ __forceinline__ float feature_at(const float* row, std::int64_t f) {
  return row[f];
}
__device__ __forceinline__ float feature_at(const __half* row, std::int64_t f) {
  return __half2float(row[f]);
}

/// The row of the array of features that one column of the batch is; see Samples.
__device__ __forceinline__ std::int64_t row_of_column(const std::int64_t* first_rows, const std::int32_t* offsets,
                                                      int count, std::int64_t column) {
  int low = 0, high = count;  // the sample with offsets[low] <= column < offsets[low + 1]
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (offsets[middle] <= column ? low : high) = middle;
  }
  return first_rows[low] + column - offsets[low];
}

/// Calls `body` with a null pointer of the features' type.
template <typename Body>
void with_feature_type(FeatureType type, Body&& body) {
  if (type == FeatureType::kFloat32) {
    body(static_cast<const float*>(nullptr));
  } else {
    body(static_cast<const __half*>(nullptr));
  }
}

}  // namespace alignment::kernels::cuda
