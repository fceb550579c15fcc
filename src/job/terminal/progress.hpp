#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "src/config/sections.hpp"
#include "src/job/terminal/progress_line.hpp"

namespace alignment {

/// Shows rank 0's user how far a long stage is: a live bar on a terminal, else one plain line every few seconds, with
/// rate and ETA of late. Writes to stderr. A Progress made with ProgressChoice::kOff is silent.
class Progress {
 public:
  /// `unit` in the plural: "samples", "classes". `resumed` of the `total` (or ProgressState::kUnknownTotal) were
  /// done by an earlier process.
  Progress(ProgressChoice choice, std::string stage, std::int64_t total, std::string unit, std::int64_t resumed = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `note` stands behind the bar, as in "loss 1.93"; an empty one leaves the last note there.
  void advance(std::int64_t amount, const std::string& note = {});
  /// Says how much is done of what is not whole yet, in units, before the coming advance().
  void set_under_way(double amount) { state_.under_way = amount; }
  /// Ends the stage: one closing line with time, rate and note takes the bar's place. Also done by the destructor.
  void finish();

 private:
  void draw();
  ProgressChoice choice_;  ///< never kAuto: that is decided at once
  ProgressState state_;
  RecentRate recent_;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool finished_ = false;
};

}  // namespace alignment
