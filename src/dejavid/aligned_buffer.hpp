#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include "kernels/workspace.hpp"

namespace dejavid {

/// Memory aligned for the kernels that only ever grows; growing drops the content.
template <typename T>
class AlignedBuffer {
 public:
  /// Room for at least `count` elements, uninitialised where it had to grow.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      memory_.reset(static_cast<T*>(::operator new(count * sizeof(T), kAlignment)));
      capacity_ = count;
    }
    size_ = count;
    return memory_.get();
  }
  T* reserve(std::int64_t count) { return reserve(static_cast<std::size_t>(count)); }

  [[nodiscard]] T* data() { return memory_.get(); }
  [[nodiscard]] const T* data() const { return memory_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<T> span() { return {memory_.get(), size_}; }
  [[nodiscard]] std::span<const T> span() const { return {memory_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{kernels::Workspace::kAlignment};
  struct Free {
    void operator()(T* memory) const { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<T, Free> memory_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace dejavid
