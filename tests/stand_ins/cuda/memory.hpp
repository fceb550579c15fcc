#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "cuda_shim.hpp"

namespace alignment::cuda_shim {

/// What cudaMalloc and cudaHostAlloc handed out: filled with NaN, between guard bytes that are looked at when it is
/// given back. Thread-safe.
class Memory {
 public:
  enum class Kind : std::uint8_t { kDevice, kPinned };

  /// nullptr where the device has no room left.
  void* allocate(Kind kind, int device, std::size_t bytes);
  /// Ends the process where `pointer` is nothing allocated or its guards are damaged.
  void release(Kind kind, void* pointer);

  /// Whether `bytes` from `pointer` on lie inside one allocation of `kind`.
  bool contains(Kind kind, const void* pointer, std::size_t bytes);
  /// Whether `pointer` points into any allocation; then of which device and kind.
  bool find(const void* pointer, Kind& kind, int& device);
  std::size_t free_bytes(int device);
  static std::size_t total_bytes();

  void fill(Held& held);
  void reset_peak();

 private:
  struct Allocation {
    Kind kind;
    int device;
    std::size_t bytes;
    std::byte* base;  ///< of the guards before
  };
  using Allocations = std::map<const std::byte*, Allocation>;  ///< by address
  Allocations::iterator holding(const void* pointer);
  std::size_t used_bytes(int device) const;

  std::mutex mutex_;
  Allocations allocations_;
  std::size_t peak_bytes_ = 0;
};

Memory& memory();

/// The number in an environment variable; ends the process where it is none.
std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise);

}  // namespace alignment::cuda_shim
