#pragma once

#include <cstdint>
#include <optional>

#include "dist/communicator.hpp"
#include "dist/errors.hpp"

namespace alignment::dist {

/// Called by every rank after a phase that may fail on some of them. Returns where all succeeded; otherwise throws
/// AgreedFailure, with the same content on every rank: the failure of the lowest failing rank. Unless all failed, its
/// message ends with those that did: " (rank 1 on host7)", " (ranks 1, 2 of 8; host7, host9)".
void agree(Communicator& communicator, const std::optional<Failure>& failure);

/// As agree(); also returns the largest `flag` over ranks, so that a stop asked of one rank is seen by all at the same
/// step.
[[nodiscard]] int agree_and_max(Communicator& communicator, const std::optional<Failure>& failure, int flag);

/// Collective. Whether it is so on every rank.
[[nodiscard]] bool on_all_ranks(Communicator& communicator, bool mine);

/// True where every rank holds the same value.
[[nodiscard]] bool same_on_all_ranks(Communicator& communicator, std::uint64_t value);

}  // namespace alignment::dist
