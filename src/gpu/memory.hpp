#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "dist/cuda/call.hpp"
#include "dist/watch/watchdog.hpp"

/// What belongs to CUDA, owned. All of it is on the calling thread's current GPU.
namespace alignment {

using dist::check_cuda;
using dist::CudaError;

/// While one lives, this process waits for its GPU: longer than limit_waits_for_gpu() allows ends it with 14.
[[nodiscard]] dist::Deadline waiting_for_gpu();
/// 10 minutes unless told otherwise.
void limit_waits_for_gpu(std::chrono::duration<double> timeout);

/// Bytes of GPU memory that this process holds in DeviceBuffers, and the most it ever held.
struct DeviceMemory {
  std::int64_t held = 0, peak = 0;
};
[[nodiscard]] DeviceMemory device_memory();

namespace detail {
void* allocate_device(std::size_t bytes);
void free_device(void* memory, std::size_t bytes) noexcept;
void* allocate_pinned(std::size_t bytes);
void free_pinned(void* memory, std::size_t bytes) noexcept;
}  // namespace detail

/// Memory that only ever grows; growing drops the content, and waits until the GPU has finished with it.
template <typename T, void* allocate(std::size_t), void free_memory(void*, std::size_t) noexcept>
class GrowingBuffer {
 public:
  GrowingBuffer() = default;
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;
  ~GrowingBuffer() { release(); }

  /// Room for at least `count` elements, uninitialised where it had to grow.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      release();
      memory_ = static_cast<T*>(allocate(count * sizeof(T)));
      capacity_ = count;
    }
    return memory_;
  }
  T* reserve(std::int64_t count) { return reserve(static_cast<std::size_t>(count)); }
  /// The same for what is a little more or less from pass to pass: where it has to grow, by an eighth more than asked.
  T* reserve_with_spare(std::size_t count) { return count > capacity_ ? reserve(count + count / 8) : memory_; }
  T* reserve_with_spare(std::int64_t count) { return reserve_with_spare(static_cast<std::size_t>(count)); }

  [[nodiscard]] T* data() const { return memory_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  void release() {
    if (memory_ != nullptr) free_memory(std::exchange(memory_, nullptr), std::exchange(capacity_, 0) * sizeof(T));
  }

  T* memory_ = nullptr;
  std::size_t capacity_ = 0;
};

/// GPU memory.
template <typename T>
using DeviceBuffer = GrowingBuffer<T, detail::allocate_device, detail::free_device>;
/// Host memory that the GPU copies to and from on its own.
template <typename T>
using PinnedBuffer = GrowingBuffer<T, detail::allocate_pinned, detail::free_pinned>;

/// A mark on a stream.
class CudaEvent {
 public:
  CudaEvent() { check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "cudaEventCreate"); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  ~CudaEvent() { static_cast<void>(cudaEventDestroy(event_)); }

  [[nodiscard]] cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Whose blocks the GPU starts first where several streams have some to start; blocks that run are not interrupted.
enum class StreamPriority : std::uint8_t { kLowest, kMiddle, kHighest };

/// Work in order.
class CudaStream {
 public:
  explicit CudaStream(StreamPriority priority = StreamPriority::kMiddle);
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  ~CudaStream() { static_cast<void>(cudaStreamDestroy(stream_)); }

  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void record(const CudaEvent& event) { check_cuda(cudaEventRecord(event.get(), stream_), "cudaEventRecord"); }
  /// What follows on this stream comes after what `event` was last recorded behind.
  void wait(const CudaEvent& event) { check_cuda(cudaStreamWaitEvent(stream_, event.get(), 0), "cudaStreamWaitEvent"); }

  /// Returns once everything on this stream is done.
  void finish() {
    const dist::Deadline deadline = waiting_for_gpu();
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Copies to and from GPU memory in the order of the stream. The host's memory must stay until the stream has passed.
template <typename T>
void copy_to_device(std::span<const T> values, T* destination, const CudaStream& stream) {
  check_cuda(cudaMemcpyAsync(destination, values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream.get()),
             "cudaMemcpyAsync to the GPU");
}

template <typename T>
void copy_to_host(const T* source, std::span<T> values, const CudaStream& stream) {
  check_cuda(cudaMemcpyAsync(values.data(), source, values.size_bytes(), cudaMemcpyDeviceToHost, stream.get()),
             "cudaMemcpyAsync from the GPU");
}

}  // namespace alignment
