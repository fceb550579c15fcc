#pragma once

#include <cstddef>
#include <utility>

#include "dist/cuda/call.hpp"

namespace alignment::dist::detail {

/// A mark on a stream.
class OwnedEvent {
 public:
  OwnedEvent() { CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  OwnedEvent(OwnedEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  OwnedEvent& operator=(OwnedEvent&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  OwnedEvent(const OwnedEvent&) = delete;
  OwnedEvent& operator=(const OwnedEvent&) = delete;
  ~OwnedEvent() {
    if (event_ != nullptr) static_cast<void>(cudaEventDestroy(event_));
  }

  [[nodiscard]] cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Host memory that the GPU copies to and from on its own.
class PinnedFloats {
 public:
  PinnedFloats() = default;
  explicit PinnedFloats(std::size_t count) : count_(count) {
    void* memory = nullptr;
    CUDA_CHECK(cudaMallocHost(&memory, count * sizeof(float)));
    values_ = static_cast<float*>(memory);
  }
  PinnedFloats(PinnedFloats&& other) noexcept
      : values_(std::exchange(other.values_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  PinnedFloats& operator=(PinnedFloats&& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(count_, other.count_);
    return *this;
  }
  PinnedFloats(const PinnedFloats&) = delete;
  PinnedFloats& operator=(const PinnedFloats&) = delete;
  ~PinnedFloats() {
    if (values_ != nullptr) static_cast<void>(cudaFreeHost(values_));
  }

  [[nodiscard]] float* data() const { return values_; }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  float* values_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace alignment::dist::detail
