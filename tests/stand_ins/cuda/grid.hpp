#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace alignment::cuda_shim {

inline constexpr std::size_t kMaxSharedBytes = 227 * 1024, kPlainSharedBytes = 48 * 1024;
inline constexpr unsigned kMaxThreads = 1024;

/// Splitmix64: small, and the same everywhere.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t draw() {
    std::uint64_t bits = state_ += 0x9e3779b97f4a7c15U;
    bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
    bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
    return bits ^ (bits >> 31U);
  }
  /// 0 .. count - 1; 0 of none.
  std::size_t below(std::size_t count) { return count == 0 ? 0 : static_cast<std::size_t>(draw() % count); }

 private:
  std::uint64_t state_;
};

/// Runs `thread_body` once for every thread of the grid. Only ever called from one thread of the process.
void run_grid(dim3 grid, dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& thread_body,
              std::uint64_t seed);

}  // namespace alignment::cuda_shim
