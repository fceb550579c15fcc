#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dist/topology.hpp"

namespace alignment::dist::detail {

/// What tells a process from every other: the host's boot (two numbers), its namespace of process ids, its id there and
/// its start. All zero where /proc does not tell.
using ProcessIdentity = std::array<std::uint64_t, 5>;

[[nodiscard]] ProcessIdentity own_identity();

/// The other ranks' processes that this one can see in /proc; `identities` in rank order. A container without its
/// neighbours' processes has none.
[[nodiscard]] std::vector<Neighbour> visible_neighbours(std::span<const ProcessIdentity> identities, Rank self);

enum class Condition : std::uint8_t { kRunning, kStopped, kGone };

/// A process that has ended is gone, whether or not its parent has been told. In doubt it runs.
///
/// By /proc rather than a pidfd: it is there on every kernel, knows a stopped process too, and the start must be
/// compared in either case.
[[nodiscard]] Condition condition_of(const Neighbour& neighbour);

}  // namespace alignment::dist::detail
