#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
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

/// Looks after the processes of this host's other ranks while one thread waits for them: one that is lost would
/// otherwise be missed only at the deadline. Those on other hosts are left to it.
///
/// A rank that leaves in good order is never taken for lost. It leaves through MPI_Finalize, which waits for every
/// rank, so no one waits in a collective any more; and should an MPI let it go earlier, its last messages lie in memory
/// already and are met long before `confirmation` has passed.
class Peers {
 public:
  static constexpr std::chrono::seconds kConfirmation{2};

  Peers() = default;
  explicit Peers(const Topology& topology, std::chrono::duration<double> confirmation = kConfirmation);

  /// A new wait.
  void start();
  /// "rank 1 (process 4711 on host7) gone": a rank that has been gone for the time of confirmation within this wait.
  /// Looks a few times a second, however often it is asked.
  [[nodiscard]] std::optional<std::string> lost();
  /// "; rank 1 (process 4711 on host7) is stopped": who is stopped or gone at this moment, for a message; or nothing.
  [[nodiscard]] std::string remarks() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Missing {
    Neighbour neighbour;
    Clock::time_point since;
  };

  [[nodiscard]] std::string text(const Neighbour& neighbour) const;

  std::string host_;
  std::vector<Neighbour> neighbours_;
  std::chrono::duration<double> confirmation_ = kConfirmation;
  Clock::time_point looked_;
  std::optional<Missing> missing_;  ///< the first; others leave on its account
};

}  // namespace alignment::dist::detail
