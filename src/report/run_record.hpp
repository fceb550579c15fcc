#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/drawing/canvas.hpp"

namespace alignment::report {

/// Numbers of one kind of line of metrics.jsonl by their key, each with where it was told: the step, or how many epochs
/// were done. What was null there is left out.
using Histories = std::map<std::string, std::vector<drawing::Point>>;

/// What the files of a run tell of it.
struct RunRecord {
  std::filesystem::path folder;
  Histories steps, epochs;
  std::string config, environment;  ///< the text of config.toml and of environment.json; empty: there is none
  std::string exit_reason;          ///< as summary.json says: "done"; empty: there is none
  std::optional<double> wall_seconds;
  std::int64_t steps_done = 0, epochs_done = 0;

  /// That history, or one without points.
  [[nodiscard]] const std::vector<drawing::Point>& of_steps(const std::string& key) const;
  [[nodiscard]] const std::vector<drawing::Point>& of_epochs(const std::string& key) const;
};

/// Reads the files of the run in `folder`; one that is being written is read as far as it is. A last line of
/// metrics.jsonl that is not whole does not count. Throws io::StoreError where there is no run, or a file is not what a
/// run writes.
[[nodiscard]] RunRecord read_run(const std::filesystem::path& folder);

/// What to call it: the folder's own name, also of "runs/a/" and ".".
[[nodiscard]] std::string name_of_run(const std::filesystem::path& folder);

/// The files that a run leaves there, but for its report: nothing must be written over them.
[[nodiscard]] std::vector<std::filesystem::path> files_of_run(const std::filesystem::path& folder);

/// The whole text of a file of a user. `expected` and `advice` are for the message: "a file of feature names", "give
/// another". Throws io::StoreError.
[[nodiscard]] std::string read_text(const std::filesystem::path& file, std::string_view expected,
                                    std::string_view advice);

}  // namespace alignment::report
