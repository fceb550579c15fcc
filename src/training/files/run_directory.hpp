#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dist/watch/watchdog.hpp"
#include "src/config/sections.hpp"
#include "src/job/agreed.hpp"
#include "src/training/run_record.hpp"
#include "src/training/scores.hpp"

namespace alignment {

/// Whether a run also writes event files for TensorBoard.
enum class TensorBoard : std::uint8_t { kWritten, kLeftOut };

/// The folder of one run (config.toml, environment.json, metrics.jsonl, tensorboard/, model.h5, best.h5, checkpoints/,
/// logs/, summary.json). Every rank has one, and rank 0's is of a folder. Throws io::WriteError.
class RunDirectory {
 public:
  /// Of a rank that writes nothing, or of a run that leaves nothing behind.
  RunDirectory();
  /// A new run: makes the folder, refuses one that holds a run already. `config_toml` is what its config.toml shall
  /// say, `timeout` how long write() and write_here() may take.
  static RunDirectory create(const std::filesystem::path& folder, const std::string& config_toml,
                             std::chrono::duration<double> timeout, TensorBoard tensorboard = TensorBoard::kWritten);
  /// Goes on with the run in `folder`: metrics of steps >= `from_step` are cut off (they will be written again), the
  /// event files are made anew from the others, and what a killed writer left unfinished is removed, with a warning.
  /// Refuses a run that another process is writing.
  static RunDirectory reopen(const std::filesystem::path& folder, const std::string& config_toml,
                             std::chrono::duration<double> timeout, std::int64_t from_step,
                             TensorBoard tensorboard = TensorBoard::kWritten);
  ~RunDirectory();
  RunDirectory(RunDirectory&&) noexcept;
  RunDirectory& operator=(RunDirectory&&) noexcept;

  /// Calls `work` where this rank writes files, which takes at most `timeout`: then the process ends with 14.
  template <typename Work>
  void write_here(Work&& work) const {
    if (!writes()) return;
    const dist::Deadline deadline = writing();
    std::forward<Work>(work)();
  }
  /// Collective. The same; every rank throws dist::AgreedFailure where it fails.
  template <typename Work>
  void write(dist::Communicator& communicator, Work&& work) const {
    agreed(communicator, [&] { write_here(std::forward<Work>(work)); });
  }
  /// Whether this rank writes files. All that follows is for one that does.
  [[nodiscard]] bool writes() const { return state_ != nullptr; }

  [[nodiscard]] const std::filesystem::path& folder() const;
  [[nodiscard]] std::filesystem::path model_file() const;
  [[nodiscard]] std::filesystem::path best_file() const;
  /// checkpoints/step_<step, 8 digits>.h5
  [[nodiscard]] std::filesystem::path checkpoint_file(std::int64_t step) const;
  /// Removes all but the newest `keep` checkpoints up to `step`, the run's last whole one. Those of later steps are not
  /// this course's: it went back behind them, past damaged ones or to one named by run.resume.
  void prune_checkpoints(std::int64_t keep, std::int64_t step) const;

  /// A line of metrics.jsonl with the time of now, and the same for TensorBoard.
  void record(const StepRecord& step, const ScoreNames& names);
  void record(const EpochRecord& epoch, const ScoreNames& names);
  /// What stands in the way of going on: a step that was refused.
  void write_refused_step(const std::string& json) const;
  void write_environment(const std::string& json) const;
  void write_summary(const std::string& json) const;
  /// Removes what create() and the logs left, for a run that failed before its first step: the folder is free again.
  /// Best effort.
  void abandon();

 private:
  struct State;
  [[nodiscard]] dist::Deadline writing() const;
  std::unique_ptr<State> state_;
};

/// While the result lives, this rank waits for the files of its run, at most `timeout`: then the process ends with 14.
[[nodiscard]] dist::Deadline writing_run(std::chrono::duration<double> timeout);

/// Refuses `inputs` (empty names are none) that lie in `folder` where a run there writes. Throws io::WriteError.
void require_inputs_elsewhere(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& inputs);

/// Checkpoints of a run, newest first; empty where there are none.
[[nodiscard]] std::vector<std::filesystem::path> checkpoints_of(const std::filesystem::path& folder);

/// The folder of the run that a checkpoint belongs to.
[[nodiscard]] std::filesystem::path run_of(const std::filesystem::path& checkpoint);

/// What the run has taken up to its last summary; nothing where it has none.
[[nodiscard]] TimeSpent time_spent(const std::filesystem::path& folder);

/// Makes runs/<name of the store>-<UTC yyyymmdd-HHMMSS>, where the configuration names no folder; with "-2", "-3" ...
/// where another run has begun in the same second. Throws io::WriteError.
[[nodiscard]] std::filesystem::path make_default_run_folder(const DataConfig& config);

}  // namespace alignment
