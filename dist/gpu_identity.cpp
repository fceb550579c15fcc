#include "dist/gpu_identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dist/cuda_call.hpp"
#include "dist/errors.hpp"

namespace dejavid::dist::detail {
namespace {

/// Fixed length, so that every rank's follows the other's: a PCI address, a zero, a host name, zeros.
using Identity = std::array<std::uint8_t, 320>;
constexpr std::size_t kPciLength = 32;

std::string pci_address() {
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  std::array<char, kPciLength> address{};
  CUDA_CHECK(cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), device));
  return address.data();
}

Identity identity(const std::string& address, const std::string& host) {
  Identity one{};
  std::copy_n(address.begin(), std::min(address.size(), kPciLength - 1), one.begin());
  std::copy_n(host.begin(), std::min(host.size(), one.size() - kPciLength - 1), one.begin() + kPciLength);
  return one;
}

std::string text(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), std::find(bytes.begin(), bytes.end(), std::uint8_t{0})};
}

/// Every rank's, in rank order, on every rank.
std::vector<std::uint8_t> gather_everywhere(Communicator& communicator, const Identity& mine) {
  std::vector<std::uint8_t> all = communicator.gather(std::span<const std::uint8_t>(mine));
  all.resize(mine.size() * static_cast<std::size_t>(communicator.size().value));
  communicator.broadcast(std::span<std::uint8_t>(all), Rank{0});
  return all;
}

}  // namespace

void require_own_gpus(Communicator& communicator) {
  const std::vector<std::uint8_t> all =
      gather_everywhere(communicator, identity(pci_address(), communicator.topology().host));
  std::map<std::pair<std::string, std::string>, int> owners;
  for (int rank = 0; rank < communicator.size().value; ++rank) {
    const std::span<const std::uint8_t> one = std::span<const std::uint8_t>(all).subspan(
        static_cast<std::size_t>(rank) * std::tuple_size_v<Identity>, std::tuple_size_v<Identity>);
    const std::string address = text(one.first(kPciLength));
    const std::string host = text(one.subspan(kPciLength));
    const auto [owner, is_first] = owners.try_emplace({host, address}, rank);
    if (is_first) continue;
    throw LaunchError(
        fmt::format("dist.backend: found ranks {} and {} on one GPU ({} on {}); expected a GPU for every rank with "
                    "\"nccl\"; start as many ranks a host as it has GPUs, or set dist.backend = \"mpi\"",
                    owner->second, rank, address, host));
  }
}

}  // namespace dejavid::dist::detail
