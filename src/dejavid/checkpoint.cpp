#include "src/dejavid/checkpoint.hpp"

#include <fmt/format.h>

#include "io/errors.hpp"
#include "src/config/keys.hpp"
#include "src/dejavid/config.hpp"
#include "src/dejavid/config_keys.hpp"
#include "src/dejavid/model_setup.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/dataset.hpp"
#include "src/training/resume.hpp"
#include "src/training/run_directory.hpp"

namespace alignment {
std::optional<Checkpoint> find_checkpoint(const Config& config, const std::function<void(const std::string&)>& warn) {
  std::optional<Checkpoint> found;
  const auto read = [&](const std::filesystem::path& file) {
    ModelContent content = read_model(file);
    if (!content.training) return false;
    found = Checkpoint{file, std::move(content), time_spent(run_of(file))};
    return true;
  };
  static_cast<void>(find_checkpoint(config.run, read, warn));
  return found;
}

void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store) {
  const auto refuse = [&](const std::string& found, const std::string& expected,
                          const std::string& advice = "resume with the data and settings that the run began with") {
    throw io::ModelFileError(
        fmt::format("{}: found {}; expected {}; {}", checkpoint.file.string(), found, expected, advice));
  };
  const std::uint64_t trained_on = checkpoint.content.training->store_identity;
  if (trained_on != store.identity()) {
    refuse(fmt::format("training on a store of digest {:016x}", trained_on),
           fmt::format("{:016x}, that of data.store", store.identity()));
  }
  const Config before = config_of(checkpoint.content, checkpoint.file);
  const auto compare = [&](const Key& key) {
    const RawValue found = key.value(before), expected = key.value(config);
    if (found == expected) return;
    if (key.owner == KeyOwner::kModel && !given.contains(&key)) {
      key.assign(config, found);
      return;
    }
    // auto may have meant the same split
    if (&key == find_key("eval.split") &&
        choose_split(store, before.eval.split).split == choose_split(store, config.eval.split).split) {
      return;
    }
    const std::string setting = fmt::format("{} = {}", key.full_name(), toml_text(found));
    if (&key != find_key("train.epochs")) refuse(setting, toml_text(expected));
    const std::filesystem::path model = run_of(checkpoint.file) / "model.h5";
    const std::filesystem::path start = std::filesystem::exists(model) ? model : checkpoint.file;
    refuse(
        setting, toml_text(expected),
        fmt::format("a run keeps its number of epochs, which its learning rates follow; to train its model for more, "
                    "start a new run with --model.init {} and another run.dir",
                    start.string()));
  };
  compare(*find_key("train.profile"));  // first: the defaults of others hang on it
  for (const Key& key : keys()) {
    if (key.owner == KeyOwner::kModel || key.owner == KeyOwner::kRun) compare(key);
  }
  if (!config.model.init.empty() && config.model.init != before.model.init) {
    log_warning(fmt::format("model.init = \"{}\" is not read: the run goes on from its checkpoint",
                            config.model.init.string()));
  }
  config.model.init = before.model.init;  // what the run began with
}

void bring_history(const Checkpoint& checkpoint, const std::filesystem::path& folder) {
  const std::filesystem::path before = run_of(checkpoint.file), best = "best.h5";
  if (!bring_metrics(before, folder)) return;
  if (checkpoint.content.training->best_epoch < 0) return;
  try {
    const ModelContent content = read_model(before / best);
    if (content.epoch == checkpoint.content.training->best_epoch) return write_model(folder / best, content);
    log_warning(fmt::format(
        "{}: is of epoch {}, later than this checkpoint: the run in {} goes on without its best model so far",
        (before / best).string(), content.epoch, folder.string()));
  } catch (const io::ModelFileError& unreadable) {
    log_warning(
        fmt::format("{}; the run in {} goes on without its best model so far", unreadable.what(), folder.string()));
  }
}

void require_same_checkpoint(const std::optional<Checkpoint>& checkpoint, const Config& config,
                             dist::Communicator& communicator) {
  require_same_checkpoint(checkpoint ? std::optional(checkpoint->file) : std::nullopt,
                          checkpoint ? digest_of(checkpoint->content) : 0, config.run, communicator);
}

}  // namespace alignment
