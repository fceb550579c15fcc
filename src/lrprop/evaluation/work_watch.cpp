#include "src/lrprop/evaluation/work_watch.hpp"

#include <span>
#include <utility>

#include "src/job/signals/signals.hpp"

namespace alignment::lrprop {

WorkWatch::WorkWatch(const EvaluationWatch& watch, const std::string& stage, std::int64_t total,
                     const std::string& unit, dist::Communicator& communicator)
    : asked_to_stop_(watch.asked_to_stop),
      communicator_(communicator),
      progress_(communicator.is_root() ? watch.progress : ProgressChoice::kOff, stage, total, unit) {}

void WorkWatch::report(std::int64_t done, LocalPhase local) {
  local.attempt([&] {
    if (asked_to_stop_ && asked_to_stop_()) {
      throw StopRequested(
          "asked to stop before the evaluation was done: no numbers were written; the same command starts it again (of "
          "train: with --run.resume auto)");
    }
  });
  dist::agree(communicator_, local.failure);
  communicator_.all_reduce(std::span(&done, 1), dist::Reduction::kSum);
  progress_.advance(done);
}

}  // namespace alignment::lrprop
