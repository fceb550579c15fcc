#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

/// Under the address sanitizer, memory that nobody may read or write; otherwise nothing.
namespace alignment::cuda_shim {

#if defined(__SANITIZE_ADDRESS__)
inline void forbid(const void* first, std::size_t bytes) {
  __asan_poison_memory_region(first, bytes);
}
inline void allow(const void* first, std::size_t bytes) {
  __asan_unpoison_memory_region(first, bytes);
}
#else
inline void forbid(const void*, std::size_t) {}
inline void allow(const void*, std::size_t) {}
#endif

}  // namespace alignment::cuda_shim
