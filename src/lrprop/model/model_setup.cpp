#include "src/lrprop/model/model_setup.hpp"

#include <fmt/format.h>

#include "io/errors.hpp"
#include "io/store/encoder_names.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/lrprop/model/model_file.hpp"
#include "src/lrprop/model/new_model.hpp"
#include "src/training/files/run_frame.hpp"
#include "src/training/files/same_model.hpp"

namespace alignment::lrprop {
namespace {

/// What a model file says of its settings of the model, laid over `config`.
void adopt(const ModelContent& content, const std::filesystem::path& file, Config& config, const GivenKeys& given) {
  Config of_file = config;
  if (!content.config.empty()) {
    try {
      of_file = from_toml(content.config, file.string());
    } catch (const ConfigError& error) {
      throw io::ModelFileError(fmt::format(
          "{} (attribute config); use the version of the program that wrote it, or write \"\" there", error.what()));
    }
    of_file.features.standardize = !content.feature_mean.empty();
  }
  const EncoderSizes& sizes = content.sizes;
  of_file.model.fc_width = sizes.fc_width;
  of_file.model.hidden = sizes.hidden;
  of_file.model.heads = sizes.heads;
  of_file.model.ff_width = sizes.ff_width;
  of_file.model.layers = sizes.layers;
  of_file.model.embedding = sizes.embedding;
  of_file.train.frames = sizes.train_frames;
  for (const Key& key : key_table().keys()) {
    if (key.owner != KeyOwner::kModel) continue;
    const RawValue found = key.value(of_file), asked = key.value(config);
    if (found == asked) continue;
    if (given.contains(&key)) {
      throw io::ModelFileError(
          fmt::format("{}: found {} = {}; expected {}, as was asked for; leave the key out to use the model as it is, "
                      "or train another one",
                      file.string(), key.full_name(), toml_text(found), toml_text(asked)));
    }
    key.assign(config, found);
  }
  if (content.dropout >= 0 && !given.contains(find_key("model.dropout"))) config.model.dropout = content.dropout;
}

/// Collective. What model.init holds, the same on every rank, fit for the store.
ModelContent read_start(Config& config, const GivenKeys& given, const io::TseStore& store,
                        dist::Communicator& communicator) {
  ModelContent content =
      read_same_model<ModelContent>(config.model.init, config.dist.timeout(), read_model, digest_of, communicator);
  agreed(communicator, [&] {
    if (content.sizes.feature_dim != store.feature_dim()) {
      throw io::ModelFileError(fmt::format(
          "{}: found {} features; expected {} as the store has; use the model and the store that belong together",
          config.model.init.string(), content.sizes.feature_dim, store.feature_dim()));
    }
    tell_other_encoders(store, content.encoder, config.model.init);
    adopt(content, config.model.init, config, given);
  });
  return content;
}

}  // namespace

ModelContent starting_model(Config& config, const GivenKeys& given, Dataset& dataset,
                            dist::Communicator& communicator) {
  if (!config.model.init.empty()) {
    ModelContent content = read_start(config, given, dataset.store, communicator);
    log_info(fmt::format("start: weights of {}", config.model.init.string()));
    settle_features(content, dataset, config, communicator);
    content.dropout = config.model.dropout;
    content.epoch = -1;
    content.encoder = io::text_of_encoders(dataset.store.encoders());
    content.training.reset();
    return content;
  }
  return new_model(dataset, communicator, config);
}

ModelContent load_model(Config& config, const GivenKeys& given, Dataset& dataset, dist::Communicator& communicator) {
  ModelContent content = read_start(config, given, dataset.store, communicator);
  settle_features(content, dataset, config, communicator);
  return content;
}

std::optional<Checkpoint> find_checkpoint(const Config& config, const std::function<void(const std::string&)>& warn) {
  return alignment::find_checkpoint<ModelContent>(config.run, read_model, warn);
}

void check_checkpoint(const Checkpoint& checkpoint, Config& config, const GivenKeys& given, const io::TseStore& store) {
  Config before;
  try {
    before = from_toml(checkpoint.content.config, checkpoint.file.string());
  } catch (const ConfigError& error) {
    throw io::ModelFileError(
        fmt::format("{} (attribute config); use the version of the program that wrote it", error.what()));
  }
  require_same_run(checkpoint.file, checkpoint.content.training->course.store_identity, store, key_table(), before,
                   config, given);
  const std::optional<std::uint64_t> trained_with = checkpoint.content.training->phase_identity;
  if (trained_with && *trained_with != store.phase_identity()) {
    throw io::ModelFileError(fmt::format(
        "{}: found scores of a store whose phases have digest {:016x}; expected {:016x}, that of data.store's phases; "
        "resume with the phases that the run began with, or start a new run with another run.dir",
        checkpoint.file.string(), *trained_with, store.phase_identity()));
  }
  if (!config.model.init.empty() && config.model.init != before.model.init) {
    log_warning(fmt::format("model.init = \"{}\" is not read: the run goes on from its checkpoint",
                            config.model.init.string()));
  }
  config.model.init = before.model.init;  // what the run began with
}

BestModel best_of(const Checkpoint& checkpoint) {
  const Course& course = checkpoint.content.training->course;
  const std::int64_t best_epoch = course.best.epoch;
  return {best_epoch, course.epoch, [best_epoch](const auto& from, const auto& to) {
            const ModelContent content = read_model(from);
            if (!to.empty() && content.epoch == best_epoch) write_model(to, content);
            return content.epoch;
          }};
}

}  // namespace alignment::lrprop
