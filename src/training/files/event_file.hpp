#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/tensorboard/event_records.hpp"

namespace alignment {

/// What a line of metrics.jsonl is in TensorBoard: points of its curves at one step.
struct EventPoints {
  double time = 0;  ///< seconds since 1970, UTC; 0 where the line does not say
  std::int64_t step = 0;
  std::vector<io::EventScalar> scalars;
};

/// Finds the points of one line after another. A step's numbers are train/NAME at its step. An epoch's stand at the
/// epoch's last step: val_NAME as val/NAME, train_NAME as train/NAME or, where steps tell it too, train/epoch_NAME,
/// seconds as speed/epoch_seconds, NAME_per_s as speed/NAME_per_s. What is null has no point.
class EventCurves {
 public:
  /// `line`: one of metrics.jsonl, as RunDirectory writes it.
  [[nodiscard]] EventPoints points_of(std::string_view line);

 private:
  [[nodiscard]] std::string tag_of(const std::string& name) const;
  std::int64_t last_step_ = 0;
  std::set<std::string> of_steps_;  ///< names that steps tell
};

/// The event file of a run for TensorBoard: the run's settings, and what metrics.jsonl says, a record a line. Throws
/// io::WriteError.
class EventFile {
 public:
  /// Writes the file anew, in the place of one that is there, so that no step of a course that was left stays in it.
  /// `config_toml`: the run's settings; `metrics`: what metrics.jsonl holds; `now`: seconds since 1970, UTC.
  EventFile(std::filesystem::path file, std::string_view config_toml, std::string_view metrics, double now);
  ~EventFile();
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;

  /// Appends what the line of metrics.jsonl says, in one write, so that a reader sees whole records.
  void append(std::string_view line);

 private:
  void write(std::string_view bytes);
  std::filesystem::path file_;
  int descriptor_ = -1;
  EventCurves curves_;
};

}  // namespace alignment
