#pragma once

#include <cstdint>
#include <utility>

#include "dist/communicator.hpp"
#include "src/job/agreed.hpp"

namespace alignment {

/// Keeps ranks together over the steps of an epoch: what goes wrong on one of them is kept until all agree, which is
/// before a step that all of them must come to.
class StepGuard {
 public:
  /// `steps_between_agreements`: this rank's; the smallest of all ranks counts. Collective.
  StepGuard(dist::Communicator& communicator, std::int64_t steps_between_agreements);

  /// Work of this rank alone; left out where some has failed since the last agreement.
  template <typename Work>
  void attempt(Work&& work) {
    local_.attempt(std::forward<Work>(work));
  }
  /// Whether all of this rank's work has succeeded since the last agreement.
  [[nodiscard]] bool open() const { return !local_.failure; }

  /// Counts a step. Whether the ranks have to agree after it.
  [[nodiscard]] bool due();
  /// Collective. Throws dist::AgreedFailure where a rank's work has failed.
  void agree();
  /// Collective. The same; true where a rank was asked to stop.
  [[nodiscard]] bool agree_to_stop();

 private:
  dist::Communicator& communicator_;
  std::int64_t between_agreements_, steps_ = 0;
  LocalPhase local_;
};

}  // namespace alignment
