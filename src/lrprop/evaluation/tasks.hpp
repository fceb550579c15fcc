#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/evaluation/probe.hpp"
#include "src/lrprop/evaluation/work_watch.hpp"

namespace alignment::lrprop {

/// Work that any rank may do, to a result that depends on nothing else.
struct Task {
  std::int64_t cost = 0;     ///< about how long it takes, in units of any kind
  std::int64_t numbers = 1;  ///< of the result
  std::function<std::vector<double>(const StopFlag&)> work;
};

/// Collective. Shares the tasks out over ranks, the dearest first, always to the rank with the least, and there over
/// threads. While some rank is still at it, all speak to each other a few times a second, so that no deadline passes.
/// Returns every task's result, the same on every rank. `watch` is told of every task. Throws dist::AgreedFailure.
[[nodiscard]] std::vector<std::vector<double>> run_tasks(const std::vector<Task>& tasks, int threads, WorkWatch& watch,
                                                         dist::Communicator& communicator);

}  // namespace alignment::lrprop
