#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "dist/topology.hpp"

namespace alignment::dist::detail {

/// Looks after the processes of this host's other ranks while one thread waits for them: one that is lost would
/// otherwise be missed only at the deadline. Those on other hosts are left to it.
///
/// A rank that leaves in good order is never taken for lost. It leaves through MPI_Finalize, which waits for every
/// rank, so no one waits in a collective any more; and should an MPI let it go earlier, its last messages lie in memory
/// already and are met long before `confirmation` has passed.
class PeerWatch {
 public:
  static constexpr std::chrono::seconds kConfirmation{2};

  PeerWatch() = default;
  explicit PeerWatch(const Topology& topology, std::chrono::duration<double> confirmation = kConfirmation);

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
