#pragma once

#include <compare>
#include <string>
#include <vector>

#include "dist/communicator.hpp"

namespace alignment::dist {

/// One GPU of all machines. What a launcher lets a process see does not tell it from others: where every rank sees one
/// GPU, each calls its own number 0.
struct GpuIdentity {
  std::string host, pci_id;
  auto operator<=>(const GpuIdentity&) const = default;
};

/// Collective. Every rank's GPU in rank order, on every rank; `pci_id`, "0000:1b:00.0", is this rank's.
[[nodiscard]] std::vector<GpuIdentity> gather_gpus(Communicator& communicator, const std::string& pci_id);

}  // namespace alignment::dist
