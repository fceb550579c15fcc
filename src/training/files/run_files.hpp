#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "src/config/sections.hpp"
#include "src/training/files/checkpoints.hpp"
#include "src/training/files/run_directory.hpp"
#include "src/training/run_record.hpp"

namespace alignment {

/// Keeps what a loop tells in the folder of its run, with its checkpoints. A write that takes longer than the timeout
/// ends the process with 14.
class RunFiles final : public RunRecord {
 public:
  /// `config` and `run` must outlive it. `timeout`: how long a write of a checkpoint may take.
  RunFiles(const RunConfig& config, RunDirectory& run, std::chrono::duration<double> timeout)
      : run_(run), checkpoints_(config, run, timeout) {}

  [[nodiscard]] bool is_kept() const override { return true; }
  [[nodiscard]] bool writes() const override { return run_.writes(); }
  void record(const StepRecord& step, const ScoreNames& names) override;
  void record(const EpochRecord& epoch, const ScoreNames& names) override;
  void write_refused_step(const std::string& json) override;
  void set_best(FileContent best) override;
  void begin_checkpoint(std::int64_t step, FileContent checkpoint, std::string summary) override;
  void check_checkpoint() override { checkpoints_.check(); }
  void finish_checkpoint(bool must_be_there) override { checkpoints_.finish(must_be_there); }
  void finish_in_any_case() noexcept override { checkpoints_.finish_in_any_case(); }
  void write_model(std::int64_t step, const FileContent& model) override;

 private:
  RunDirectory& run_;
  Checkpoints checkpoints_;
};

}  // namespace alignment
