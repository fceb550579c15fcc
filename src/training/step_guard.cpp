#include "src/training/step_guard.hpp"

#include <span>

#include "dist/agreement.hpp"
#include "src/job/signals.hpp"

namespace alignment {

StepGuard::StepGuard(dist::Communicator& communicator, std::int64_t steps_between_agreements)
    : communicator_(communicator), between_agreements_(steps_between_agreements) {
  communicator.all_reduce(std::span(&between_agreements_, 1), dist::Reduction::kMin);
}

bool StepGuard::due() {
  return ++steps_ % between_agreements_ == 0;
}

void StepGuard::agree() {
  dist::agree(communicator_, local_.failure);
}

bool StepGuard::agree_to_stop() {
  return dist::agree_and_max(communicator_, local_.failure, stop_requested() ? 1 : 0) != 0;
}

}  // namespace alignment
