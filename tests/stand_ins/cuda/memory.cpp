#include "memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

#include "forbidden_memory.hpp"

namespace alignment::cuda_shim {
namespace {

constexpr std::size_t kAlignment = 256, kGuardBytes = 256;
constexpr std::uint16_t kGuard = 0xffe1;  // NaN in every type of real, but not the NaN that memory starts with

std::size_t whole_pieces(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// From the end of the memory to the end of the guards behind it.
std::size_t guard_bytes_behind(std::size_t bytes) {
  return whole_pieces(bytes) - bytes + kGuardBytes;
}

std::byte guard_byte(const std::byte* at) {
  const bool odd = reinterpret_cast<std::uintptr_t>(at) % 2 != 0;
  return static_cast<std::byte>(odd ? kGuard >> 8U : kGuard & 0xffU);
}

void set_guards(std::byte* first, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) first[k] = guard_byte(first + k);
}

bool guards_whole(const std::byte* first, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    if (first[k] != guard_byte(first + k)) return false;
  }
  return true;
}

}  // namespace

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  if (text == nullptr || *text == '\0') return otherwise;
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(text, &end, 10);
  if (*end != '\0') fail((std::string(name) + " is \"" + text + "\", expected a number").c_str());
  return number;
}

Memory& memory() {
  static auto* const the_memory = new Memory;  // needed until the process ends
  return *the_memory;
}

std::size_t Memory::total_bytes() {
  static const auto bytes = static_cast<std::size_t>(number_from_environment("DEJAVID_SHIM_MEMORY", 8ULL << 30U));
  return bytes;
}

std::size_t Memory::used_bytes(int device) const {
  std::size_t used = 0;
  for (const auto& [pointer, allocation] : allocations_) {
    if (allocation.kind == Kind::kDevice && allocation.device == device) used += whole_pieces(allocation.bytes);
  }
  return used;
}

std::size_t Memory::free_bytes(int device) {
  const std::lock_guard lock(mutex_);
  return total_bytes() - std::min(total_bytes(), used_bytes(device));
}

void* Memory::allocate(Kind kind, int device, std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::lock_guard lock(mutex_);
  if (kind == Kind::kDevice &&
      (bytes > total_bytes() || whole_pieces(bytes) > total_bytes() - std::min(total_bytes(), used_bytes(device))))
    return nullptr;
  auto* const base =
      static_cast<std::byte*>(std::aligned_alloc(kAlignment, kGuardBytes + whole_pieces(bytes) + kGuardBytes));
  if (base == nullptr) return nullptr;
  std::byte* const pointer = base + kGuardBytes;
  set_guards(base, kGuardBytes);
  std::memset(pointer, 0xff, bytes);
  set_guards(pointer + bytes, guard_bytes_behind(bytes));
  forbid(base, kGuardBytes);
  forbid(pointer + bytes, guard_bytes_behind(bytes));
  allocations_.emplace(pointer, Allocation{kind, device, bytes, base});
  std::size_t held = 0;
  for (const auto& [address, allocation] : allocations_)
    held += allocation.kind == Kind::kDevice ? allocation.bytes : 0;
  peak_bytes_ = std::max(peak_bytes_, held);
  return pointer;
}

void Memory::release(Kind kind, void* pointer) {
  const std::lock_guard lock(mutex_);
  const auto found = allocations_.find(static_cast<std::byte*>(pointer));
  if (found == allocations_.end() || found->second.kind != kind) {
    fail(kind == Kind::kDevice ? "cudaFree of something that cudaMalloc has not given, or twice"
                               : "cudaFreeHost of something that cudaHostAlloc has not given, or twice");
  }
  const auto [start, allocation] = *found;
  allow(allocation.base, kGuardBytes);
  allow(start + allocation.bytes, guard_bytes_behind(allocation.bytes));
  if (!guards_whole(allocation.base, kGuardBytes)) fail("memory was written before the start of an allocation");
  if (!guards_whole(start + allocation.bytes, guard_bytes_behind(allocation.bytes))) {
    fail(
        ("memory was written past the end of an allocation of " + std::to_string(allocation.bytes) + " bytes").c_str());
  }
  std::memset(allocation.base, 0xff, kGuardBytes + whole_pieces(allocation.bytes) + kGuardBytes);
  std::free(allocation.base);
  allocations_.erase(found);
}

Memory::Allocations::iterator Memory::holding(const void* pointer) {
  const auto* const address = static_cast<const std::byte*>(pointer);
  auto next = allocations_.upper_bound(address);
  if (next == allocations_.begin()) return allocations_.end();
  --next;
  return address < next->first + next->second.bytes ? next : allocations_.end();
}

bool Memory::contains(Kind kind, const void* pointer, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = holding(pointer);
  if (found == allocations_.end() || found->second.kind != kind) return false;
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - found->first);
  return bytes <= found->second.bytes - offset;
}

bool Memory::find(const void* pointer, Kind& kind, int& device) {
  const std::lock_guard lock(mutex_);
  const auto found = holding(pointer);
  if (found == allocations_.end()) return false;
  kind = found->second.kind;
  device = found->second.device;
  return true;
}

void Memory::fill(Held& held) {
  const std::lock_guard lock(mutex_);
  for (const auto& [pointer, allocation] : allocations_) {
    if (allocation.kind == Kind::kPinned) {
      ++held.pinned_allocations;
      held.pinned_bytes += allocation.bytes;
    } else {
      ++held.device_allocations;
      held.device_bytes += allocation.bytes;
    }
  }
  held.peak_device_bytes = peak_bytes_;
}

void Memory::reset_peak() {
  Held now;
  fill(now);
  const std::lock_guard lock(mutex_);
  peak_bytes_ = now.device_bytes;
}

}  // namespace alignment::cuda_shim
