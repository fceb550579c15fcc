#include "src/lrprop/network/freed_memory.hpp"

#include <limits>

#if defined(__GLIBC__)  // which the headers before it say
#include <malloc.h>
#endif

namespace alignment::lrprop {

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kMostMapped = 32 << 20;  // the C library takes no more
  mallopt(M_MMAP_THRESHOLD, kMostMapped);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace alignment::lrprop
