#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/lrprop/evaluation/settings.hpp"

namespace alignment::lrprop {

/// Long work of all ranks with a progress line that tells of all of them, that ends where one of them is asked to stop
/// or fails.
class WorkWatch {
 public:
  /// `total` in the plural `unit`, over all ranks.
  WorkWatch(const EvaluationWatch& watch, const std::string& stage, std::int64_t total, const std::string& unit,
            dist::Communicator& communicator);

  /// Collective. What this rank did since the last call. Throws dist::AgreedFailure on every rank where `local` of any
  /// has failed, or where one of them has been asked to stop.
  void report(std::int64_t done, LocalPhase local);

 private:
  std::function<bool()> asked_to_stop_;
  dist::Communicator& communicator_;
  Progress progress_;
};

}  // namespace alignment::lrprop
