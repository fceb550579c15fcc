#pragma once

#include <stdexcept>
#include <string>

#include "dist/topology.hpp"

namespace alignment::dist {

/// The job was started wrongly: singletons under a parallel launcher, a backend that was not built.
struct LaunchError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A collective did not end within its deadline. The message names the operation and how long it waited.
struct TimeoutError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A rank is gone, or the communication library reported an error: then a rank is gone or the network failed.
struct RankLostError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a rank's local phase failed: the process exit code it asks for and its one line.
struct Failure {
  int code = 1;
  std::string message;
};

/// What every rank throws after some rank's local phase failed: the failure of the lowest failing rank, with the ranks
/// that failed.
struct AgreedFailure : std::runtime_error {
  AgreedFailure(const Failure& failure, Rank rank)
      : std::runtime_error(failure.message), code(failure.code), failing_rank(rank) {}
  int code;
  Rank failing_rank;
};

}  // namespace alignment::dist
