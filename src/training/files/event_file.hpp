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

/// The event files of a run for TensorBoard, which looks for "tfevents" in their names: events.out.tfevents.metrics
/// with what metrics.jsonl says, a record a line, and events.out.tfevents.config with the run's settings. Throws
/// io::WriteError.
class EventFile {
 public:
  /// Writes both anew, so that no step of a course that was left stays. They are written in place, and the
  /// record of a step that is taken again is as long as before: so a reader that has them open and is past the end by
  /// now goes on with the record that follows once it is there.
  /// `config_toml`: the run's settings; `metrics`: what metrics.jsonl holds; `now`: seconds since 1970, UTC.
  EventFile(const std::filesystem::path& folder, std::string_view config_toml, std::string_view metrics, double now);
  ~EventFile();
  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;

  /// Appends what the line of metrics.jsonl says, in one write, so that a reader sees whole records.
  void append(std::string_view line);

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
  EventCurves curves_;
};

}  // namespace alignment
