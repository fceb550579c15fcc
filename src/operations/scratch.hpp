#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "kernels/workspace.hpp"

namespace alignment::operations {

/// Memory aligned for the kernels, uninitialised, that only ever grows; growing drops the content.
template <typename T>
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(std::int64_t count) { reserve(count); }

  T* reserve(std::int64_t count) {
    if (count > capacity_) {
      memory_.reset();
      capacity_ = 0;
      memory_.reset(::operator new(static_cast<std::size_t>(count) * sizeof(T), kAlignment));
      capacity_ = count;
    }
    return data();
  }
  [[nodiscard]] T* data() const { return static_cast<T*>(memory_.get()); }

 private:
  static constexpr std::align_val_t kAlignment{kernels::Workspace::kAlignment};
  struct Free {
    void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
  };
  std::unique_ptr<void, Free> memory_;
  std::int64_t capacity_ = 0;
};

}  // namespace alignment::operations
