#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace alignment::io {

/// When a file was changed last, in nanoseconds, to be compared for equality alone: a time too far away for 64 bits,
/// which a file may have, wraps.
[[nodiscard]] inline std::int64_t modified_nanoseconds(const struct stat& facts) {
  constexpr std::uint64_t kPerSecond = 1'000'000'000;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * kPerSecond +
                                   static_cast<std::uint64_t>(facts.st_mtim.tv_nsec));
}

}  // namespace alignment::io
