#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/bytes/aligned_memory.hpp"

namespace alignment {

/// Memory aligned for the kernels that only ever grows; growing drops the content.
template <typename T>
class AlignedBuffer {
 public:
  /// Room for at least `count` elements, uninitialised where it had to grow.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      memory_.reset();
      capacity_ = 0;
      memory_ = io::allocate_aligned(count * sizeof(T));
      capacity_ = count;
    }
    size_ = count;
    return data();
  }
  T* reserve(std::int64_t count) { return reserve(static_cast<std::size_t>(count)); }

  [[nodiscard]] T* data() { return reinterpret_cast<T*>(memory_.get()); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(memory_.get()); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<T> span() { return {data(), size_}; }
  [[nodiscard]] std::span<const T> span() const { return {data(), size_}; }

 private:
  io::AlignedBytes memory_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace alignment
