#include "src/dejavid/model/model_setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/store/encoder_names.hpp"
#include "src/config/error.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/same_model.hpp"

namespace alignment::dejavid {
namespace {

void require_features(const ModelContent& content, const std::filesystem::path& file, const io::TseStore& store) {
  const std::int64_t found = content.slope ? content.feature_dim / 2 : content.feature_dim;
  if (found == store.feature_dim()) return;
  throw io::ModelFileError(
      fmt::format("{}: found {} features{}; expected {} as the store has; use the model and the store that belong "
                  "together",
                  file.string(), found, content.slope ? " with slopes" : "", store.feature_dim()));
}

/// Where each of `names` stands among the model's classes.
std::vector<std::size_t> order_of(const std::vector<std::string>& names, const ModelContent& content,
                                  const std::filesystem::path& file) {
  if (content.class_names.size() != names.size()) {
    throw io::ModelFileError(fmt::format(
        "{}: found {} classes; expected {} as the store has; use the model and the store that belong together",
        file.string(), content.class_names.size(), names.size()));
  }
  std::vector<std::size_t> order;
  for (const std::string& name : names) {
    const auto found = std::find(content.class_names.begin(), content.class_names.end(), name);
    if (found == content.class_names.end()) {
      throw io::ModelFileError(fmt::format(
          "{}: found no class named '{}', but '{}' in its place; expected the store's classes; use the model and the "
          "store that belong together",
          file.string(), io::printable(name), io::printable(content.class_names[order.size()])));
    }
    order.push_back(static_cast<std::size_t>(found - content.class_names.begin()));
  }
  return order;
}

/// [C,K,F] with its classes in this order.
std::vector<float> in_order(const std::vector<float>& values, const std::vector<std::size_t>& order) {
  const std::size_t size = values.size() / order.size();
  std::vector<float> sorted;
  sorted.reserve(values.size());
  for (const std::size_t from : order) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(from * size);
    sorted.insert(sorted.end(), first, first + static_cast<std::ptrdiff_t>(size));
  }
  return sorted;
}

/// The normalised logits of two classes are always the same, so a loss or confidence made of them says nothing. A model
/// file that does not say how it was trained leaves the choice open.
void settle_two_classes(Config& config, const GivenKeys& given, const ModelContent& content) {
  if (content.classes != 2 || config.train.logit_norm != LogitNorm::kLayernorm) return;
  if (given.contains(find_key("train.logit_norm"))) throw ConfigError(two_classes_need_no_norm());
  config.train.logit_norm = LogitNorm::kNone;
  log_info(
      fmt::format("{}: its two classes are compared with train.logit_norm = \"none\": normalised logits of two are "
                  "always the same",
                  config.model.init.string()));
}

/// What belongs to the store and not to the model, in words; not an error where a model is only applied.
void tell_unknown_classes(const io::TseStore& store, const std::vector<std::string>& of_store) {
  io::FirstFew unknown;
  for (const std::string& name : of_store) {
    const auto& known = store.class_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) unknown.add(io::printable(name));
  }
  if (unknown.count() == 0) return;
  log_warning(fmt::format("the model does not know {} of the store's {} classes: {}", unknown.count(), of_store.size(),
                          unknown.text()));
}

}  // namespace

Model model_from(const ModelContent& content, const std::filesystem::path& file, const io::TseStore& store) {
  require_features(content, file, store);
  const std::vector<std::size_t> order = order_of(store.class_names(), content, file);
  Model model = model_of(content);
  model.centroids = in_order(content.centroids, order);
  model.log_weights = in_order(content.log_weights, order);
  model.class_names = store.class_names();
  tell_other_encoders(store, content.encoder, file);
  model.encoder = io::text_of_encoders(store.encoders());
  return model;
}

void take_model_settings(Config& config, const GivenKeys& given, const ModelContent& content,
                         const std::filesystem::path& file) {
  const Config of_model = config_of(content, file);
  const bool untrained = content.epoch < 0;
  for (const Key& key : keys()) {
    if (key.owner != KeyOwner::kModel) continue;
    const bool of_shape = key.full_name() == "model.steps" || key.full_name() == "data.slope";
    const bool in_file = of_shape || key.full_name() == "model.diagonal";
    if (!in_file && content.config.empty()) continue;  // made by hand: it does not say
    const RawValue found = key.value(of_model), asked = key.value(config);
    if (found == asked) continue;
    if (given.contains(&key) && asked != RawValue(std::string("auto"))) {
      if (untrained && !of_shape) continue;
      throw io::ModelFileError(
          fmt::format("{}: found {} = {}; expected {}, as was asked for; leave the key out to use the model "
                      "as it is, or train another one",
                      file.string(), key.full_name(), toml_text(found), toml_text(asked)));
    }
    key.assign(config, found);
  }
}

ModelContent read_initial_model(Config& config, const GivenKeys& given, dist::Communicator& communicator) {
  ModelContent content =
      read_same_model<ModelContent>(config.model.init, config.dist.timeout(), read_model, digest_of, communicator);
  agreed(communicator, [&] { take_model_settings(config, given, content, config.model.init); });
  return content;
}

void take_sample_settings(Config& config, const GivenKeys& given, const ModelContent& checkpoint,
                          const std::filesystem::path& file, dist::Communicator& communicator) {
  agreed(communicator, [&] {
    const Config before = config_of(checkpoint, file);
    if (!given.contains(find_key("data.slope"))) config.samples.slope = before.samples.slope;
    if (config.model.steps == ModelConfig::kStepsOfData) config.model.steps = before.model.steps;
    if (config.train.epochs == TrainConfig::kEpochsOfData) config.train.epochs = before.train.epochs;
  });
}

Model load_model(const ModelContent& content, Config& config, const GivenKeys& given, io::TseStore& store,
                 dist::Communicator& communicator) {
  Model model;
  agreed(communicator, [&] {
    require_features(content, config.model.init, store);
    tell_other_encoders(store, content.encoder, config.model.init);
    settle_two_classes(config, given, content);
    if (config_of(content, config.model.init).eval.paths == EvalPaths::kFrozen ||
        config.eval.paths == EvalPaths::kFrozen) {
      log_info(
          "eval.paths = \"frozen\" is for validation while training: a model file holds no frozen copy, so paths are "
          "the model's own and the loss may differ from that of its run");
    }
    const std::vector<std::string> of_store = store.class_names();
    store.adopt_classes(content.class_names);
    tell_unknown_classes(store, of_store);
    model = model_of(content);
    model.diagonal = config.model.diagonal;
  });
  return model;
}

Model starting_model(const ModelContent& content, const Config& config, const io::TseStore& store,
                     dist::Communicator& communicator) {
  Model model;
  agreed(communicator, [&] {
    model = model_from(content, config.model.init, store);
    model.diagonal = config.model.diagonal;
  });
  log_info(
      fmt::format("start: centroids and weights of {}, {} centroid steps", config.model.init.string(), model.steps));
  return model;
}

}  // namespace alignment::dejavid
