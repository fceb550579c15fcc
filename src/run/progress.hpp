#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "src/config/config.hpp"

namespace dejavid {

/// Shows rank 0's user how far a long stage is: a live bar on a terminal, else one plain line every few seconds, with rate and ETA.
/// Writes to stderr. A Progress made with ProgressChoice::kOff is silent.
class Progress {
 public:
  /// `unit` in the plural: "samples", "classes".
  Progress(ProgressChoice choice, std::string stage, std::int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `note` stands behind the bar, as in "loss 1.93".
  void advance(std::int64_t amount, const std::string& note = {});
  /// Ends the stage: clears the bar. Also done by the destructor.
  void finish();

 private:
  void draw(bool last);
  ProgressChoice choice_;
  std::string stage_, unit_, note_;
  std::int64_t total_, done_ = 0;
  std::chrono::steady_clock::time_point start_, drawn_;
  bool finished_ = false;
};

}  // namespace dejavid
