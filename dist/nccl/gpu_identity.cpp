#include "dist/nccl/gpu_identity.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace alignment::dist {
namespace {

/// Fixed length, so that every rank's follows the other's: a PCI address, a zero, a host name, zeros.
using Packed = std::array<std::uint8_t, 320>;
constexpr std::size_t kPciLength = 32;

Packed pack(const GpuIdentity& gpu) {
  Packed packed{};
  std::copy_n(gpu.pci_id.begin(), std::min(gpu.pci_id.size(), kPciLength - 1), packed.begin());
  std::copy_n(gpu.host.begin(), std::min(gpu.host.size(), packed.size() - kPciLength - 1), packed.begin() + kPciLength);
  return packed;
}

std::string text(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), std::find(bytes.begin(), bytes.end(), std::uint8_t{0})};
}

}  // namespace

std::vector<GpuIdentity> gather_gpus(Communicator& communicator, const std::string& pci_id) {
  const Packed mine = pack({communicator.topology().host, pci_id});
  std::vector<std::uint8_t> all = communicator.gather(std::span<const std::uint8_t>(mine));
  all.resize(mine.size() * static_cast<std::size_t>(communicator.size().value));
  communicator.broadcast(std::span<std::uint8_t>(all), Rank{0});
  std::vector<GpuIdentity> gpus;
  for (std::size_t first = 0; first < all.size(); first += mine.size()) {
    const std::span<const std::uint8_t> one = std::span<const std::uint8_t>(all).subspan(first, mine.size());
    gpus.push_back({text(one.subspan(kPciLength)), text(one.first(kPciLength))});
  }
  return gpus;
}

}  // namespace alignment::dist
