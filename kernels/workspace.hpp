#pragma once

#include <cstddef>
#include <cstdint>

namespace alignment::kernels {

/// Hands out aligned arrays from one block of memory. Made without memory it only counts, so that the request list that
/// carves a workspace also sizes it:
///
///     Workspace sizing(nullptr);  carve(sizing);  allocate(sizing.required_bytes());
///     Workspace arena(memory);    auto arrays = carve(arena);
class Workspace {
 public:
  static constexpr std::size_t kAlignment = 64;

  explicit Workspace(std::byte* memory) : memory_(memory) {}

  /// The next array of `count` elements (uninitialised), or nullptr while counting.
  template <typename T>
  T* request(std::int64_t count) {
    static_assert(alignof(T) <= kAlignment);
    const std::size_t begin = used_;
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    used_ = (begin + bytes + kAlignment - 1) / kAlignment * kAlignment;
    return memory_ == nullptr ? nullptr : reinterpret_cast<T*>(memory_ + begin);
  }

  /// Bytes requested so far; the memory given must be aligned to kAlignment and hold as many.
  [[nodiscard]] std::size_t required_bytes() const { return used_; }

 private:
  std::byte* memory_;
  std::size_t used_ = 0;
};

}  // namespace alignment::kernels
