#include "src/training/checkpoints.hpp"

#include <fmt/format.h>

#include <utility>

#include "io/errors.hpp"
#include "src/job/terminal/log.hpp"

namespace alignment {

Checkpoints::Checkpoints(const RunConfig& config, const RunDirectory& run, std::chrono::duration<double> timeout)
    : config_(config), run_(run), writer_(timeout) {}

void Checkpoints::set_best(FileContent best) {
  best_ = std::make_shared<Best>();
  best_->content = std::move(best);
}

void Checkpoints::write(std::int64_t step, FileContent checkpoint, std::string summary) {
  unless_keep_going([&] {
    writer_.start([&run = run_, best = best_, step, checkpoint = std::move(checkpoint), summary = std::move(summary),
                   keep = config_.checkpoint_keep] {
      save_best(run, best);
      checkpoint(run.checkpoint_file(step));
      run.prune_checkpoints(keep, step);
      run.write_summary(summary);
    });
  });
}

void Checkpoints::check() {
  unless_keep_going([&] { writer_.check(); });
}

void Checkpoints::finish(bool must_be_there) {
  if (must_be_there) return writer_.finish();
  unless_keep_going([&] { writer_.finish(); });
}

void Checkpoints::finish_in_any_case() noexcept {
  try {
    writer_.finish();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the failure that ended the run is the one to report
  }
}

void Checkpoints::write_model(std::int64_t step, const FileContent& model) {
  save_best(run_, best_);
  model(run_.model_file());
  run_.prune_checkpoints(config_.checkpoint_keep, step);
}

void Checkpoints::save_best(const RunDirectory& run, const std::shared_ptr<Best>& best) {
  if (!best || best->saved) return;
  best->content(run.best_file());
  best->saved = true;
}

void Checkpoints::unless_keep_going(const std::function<void()>& writing) const {
  if (!config_.keep_going) return writing();
  try {
    writing();
  } catch (const io::WriteError& error) {
    log_warning(fmt::format("{}; training goes on without this checkpoint (run.keep_going)", error.what()));
  }
}

}  // namespace alignment
