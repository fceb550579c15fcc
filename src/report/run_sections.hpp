#pragma once

#include <string>
#include <utility>
#include <vector>

#include "src/report/run_record.hpp"

namespace alignment::report {

/// A chart of some of a run's numbers.
struct RunChart {
  std::string title;
  bool by_step = false;                                    ///< else by epoch
  std::vector<std::pair<std::string, std::string>> lines;  ///< what each is called, and its key in metrics.jsonl
};

/// The charts for which there is more than one number, two beside each other, and the epochs' numbers as a table that
/// is folded; empty where there are none.
[[nodiscard]] std::string curves(const RunRecord& run, const std::vector<RunChart>& charts);

/// "12 epochs, 480 steps, 21.0 s, done", as html.
[[nodiscard]] std::string course(const RunRecord& run);

/// What it ran on and with which settings, folded.
[[nodiscard]] std::string environment(const RunRecord& run);

}  // namespace alignment::report
