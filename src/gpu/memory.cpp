#include "src/gpu/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace alignment {
namespace {

DeviceMemory g_memory;
std::chrono::duration<double> g_longest_wait = std::chrono::minutes(10);

double mebibytes(std::size_t bytes) {
  return static_cast<double>(bytes) / (1U << 20U);
}

}  // namespace

dist::Deadline waiting_for_gpu() {
  return {dist::Awaited::kGpu, "work on the GPU", g_longest_wait};
}

void limit_waits_for_gpu(std::chrono::duration<double> timeout) {
  g_longest_wait = timeout;
}

DeviceMemory device_memory() {
  return g_memory;
}

CudaStream::CudaStream(StreamPriority priority) {
  int least = 0, greatest = 0;  // the greater the priority, the less the number
  check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  const int number = priority == StreamPriority::kLowest   ? least
                     : priority == StreamPriority::kMiddle ? (least + greatest) / 2
                                                           : greatest;
  check_cuda(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, number), "cudaStreamCreateWithPriority");
}

namespace detail {

void* allocate_device(std::size_t bytes) {
  void* memory = nullptr;
  const cudaError_t result = cudaMalloc(&memory, bytes);
  if (result == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    std::size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    throw CudaError(fmt::format(
        "GPU memory: found {:.0f} MiB free of {:.0f}; expected {:.0f} MiB more; use a smaller train.batch_size, "
        "data.cache = \"memory\", or more GPUs",
        mebibytes(free), mebibytes(total), mebibytes(bytes)));
  }
  check_cuda(result, "cudaMalloc");
  g_memory.held += static_cast<std::int64_t>(bytes);
  g_memory.peak = std::max(g_memory.peak, g_memory.held);
  return memory;
}

void free_device(void* memory, std::size_t bytes) noexcept {
  static_cast<void>(cudaFree(memory));
  g_memory.held -= static_cast<std::int64_t>(bytes);
}

void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  check_cuda(cudaMallocHost(&memory, bytes), "cudaMallocHost");
  return memory;
}

void free_pinned(void* memory, std::size_t /*bytes*/) noexcept {
  static_cast<void>(cudaFreeHost(memory));
}

}  // namespace detail
}  // namespace alignment
