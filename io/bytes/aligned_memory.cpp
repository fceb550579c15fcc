#include "io/bytes/aligned_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace alignment::io {
namespace {

constexpr std::size_t kAlignment = 64, kHugePage = std::size_t{2} << 20U;
constexpr std::size_t kLarge = 2 * kHugePage;   ///< what is smaller would waste too much of a huge page
constexpr std::size_t kPiece = 16 * kHugePage;  ///< of a pool; untouched pages take no memory

std::size_t round_up(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

void FreeAligned::operator()(std::byte* memory) const {
  std::free(memory);
}

AlignedBytes allocate_aligned(std::size_t bytes) {
  const bool large = bytes >= kLarge;
  const std::size_t alignment = large ? kHugePage : kAlignment, size = round_up(std::max(bytes, kAlignment), alignment);
  void* const memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  if (large) ::madvise(memory, size, MADV_HUGEPAGE);  // a wish: without huge pages everything is as correct
  return AlignedBytes(static_cast<std::byte*>(memory));
}

float* FloatPool::take(std::int64_t count) {
  const std::size_t bytes = round_up(static_cast<std::size_t>(count) * sizeof(float), kAlignment);
  if (size_ - taken_ < bytes) {
    const std::size_t size = std::max(bytes, kPiece);
    pieces_.push_back(allocate_aligned(size));
    size_ = size;
    taken_ = 0;
  }
  std::byte* const memory = pieces_.back().get() + taken_;
  taken_ += bytes;
  return reinterpret_cast<float*>(memory);
}

}  // namespace alignment::io
