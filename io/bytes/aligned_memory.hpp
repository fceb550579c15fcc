#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace alignment::io {

struct FreeAligned {
  void operator()(std::byte* memory) const;
};
/// Memory that begins at a multiple of 64 bytes.
using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;

/// Uninitialised. From some MiB on the system is asked for huge pages, where there are any: kernels walk over more
/// memory than the processor has addresses of small pages at hand. Throws std::bad_alloc.
[[nodiscard]] AlignedBytes allocate_aligned(std::size_t bytes);

/// Many arrays that live as long as the pool, packed into few large pieces of memory.
class FloatPool {
 public:
  /// Room for `count` numbers, at a multiple of 64 bytes, uninitialised.
  [[nodiscard]] float* take(std::int64_t count);

 private:
  std::vector<AlignedBytes> pieces_;
  std::size_t taken_ = 0, size_ = 0;  ///< bytes of the last piece
};

}  // namespace alignment::io
