#include "src/training/files/run_files.hpp"

#include <utility>

namespace alignment {

void RunFiles::record(const StepRecord& step, const ScoreNames& names) {
  run_.write_here([&] { run_.record(step, names); });
}

void RunFiles::record(const EpochRecord& epoch, const ScoreNames& names) {
  run_.write_here([&] { run_.record(epoch, names); });
}

void RunFiles::write_refused_step(const std::string& json) {
  run_.write_here([&] { run_.write_refused_step(json); });
}

void RunFiles::set_best(FileContent best) {
  if (run_.writes()) checkpoints_.set_best(std::move(best));
}

void RunFiles::begin_checkpoint(std::int64_t step, FileContent checkpoint, std::string summary) {
  if (run_.writes()) checkpoints_.write(step, std::move(checkpoint), std::move(summary));
}

void RunFiles::write_model(std::int64_t step, const FileContent& model) {
  run_.write_here([&] { checkpoints_.write_model(step, model); });
}

}  // namespace alignment
