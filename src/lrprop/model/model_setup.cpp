#include "src/lrprop/model/model_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "io/errors.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/training/files/run_frame.hpp"
#include "src/training/files/same_model.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::lrprop {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// "layers.3.q.weight" -> "layers.0.q.weight": whose numbers a cloned layer has.
std::string first_layer_of(const std::string& name) {
  if (name.rfind("layers.", 0) != 0) return name;
  return "layers.0" + name.substr(name.find('.', std::string("layers.").size()));
}

void fill_uniform(std::span<float> values, double bound, Random random) {
  for (float& value : values) value = static_cast<float>(bound * (2 * random.uniform() - 1));
}

std::uint64_t number_of(const std::string& name) {
  std::uint64_t number = 0;
  for (const char letter : name) number = number * 131 + static_cast<unsigned char>(letter);
  return number;
}

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
    adopt(content, config.model.init, config, given);
  });
  return content;
}

/// Collective. Measures what features are standardised by, where they are and the model does not say it.
void settle_features(ModelContent& content, Dataset& dataset, const Config& config, dist::Communicator& communicator) {
  if (!config.features.standardize || !content.feature_mean.empty()) return;
  FeatureScale scale = measure_features(dataset, communicator, config);
  content.feature_mean = std::move(scale.mean);
  content.feature_scale = std::move(scale.deviation);
}

}  // namespace

EncoderSizes sizes_of(const Config& config, std::int64_t feature_dim) {
  const ModelConfig& model = config.model;
  return {feature_dim,    model.fc_width, model.hidden,    model.heads,
          model.ff_width, model.layers,   model.embedding, config.train.frames};
}

std::vector<float> initial_weights(const EncoderSizes& sizes, LayerInit layers, std::uint64_t seed) {
  const std::vector<ArrayShape> arrays = weight_arrays(sizes);
  std::vector<float> weights(static_cast<std::size_t>(element_count(arrays)), 0.0F);
  std::size_t first = 0;
  std::int64_t fan_in = 0;
  std::vector<std::pair<std::string, std::int64_t>> fans;  // inputs of each layer, for its bias
  for (const ArrayShape& array : arrays) {
    if (array.shape.size() == 2) fans.emplace_back(array.name.substr(0, array.name.rfind('.')), array.shape[1]);
  }
  for (const ArrayShape& array : arrays) {
    const std::span<float> values(weights.data() + first, static_cast<std::size_t>(array.count()));
    first += values.size();
    const std::string layer = array.name.substr(0, array.name.rfind('.'));
    const auto fan = std::find_if(fans.begin(), fans.end(), [&](const auto& known) { return known.first == layer; });
    if (fan == fans.end()) {  // a norm
      std::fill(values.begin(), values.end(), ends_with(array.name, ".weight") ? 1.0F : 0.0F);
      continue;
    }
    if (array.name == "out.bias") continue;
    fan_in = fan->second;
    const std::string drawn_as = layers == LayerInit::kCloned ? first_layer_of(array.name) : array.name;
    const bool of_block = array.name.rfind("layers.", 0) == 0 && array.shape.size() == 2;
    const double bound = of_block ? std::sqrt(6.0 / static_cast<double>(array.shape[0] + array.shape[1]))
                                  : 1 / std::sqrt(static_cast<double>(fan_in));
    constexpr std::uint64_t kStream = 0x77656967687473U;  // "weights": a stream of its own
    fill_uniform(values, bound, Random{seed, kStream, number_of(drawn_as)});
  }
  return weights;
}

std::vector<float> initial_statistics(const EncoderSizes& sizes) {
  std::vector<float> statistics;
  for (const ArrayShape& array : statistic_arrays(sizes)) {
    statistics.insert(statistics.end(), static_cast<std::size_t>(array.count()),
                      ends_with(array.name, "running_var") ? 1.0F : 0.0F);
  }
  return statistics;
}

FeatureScale measure_features(Dataset& dataset, dist::Communicator& communicator, const Config& config) {
  // Groups of videos, each added up by one rank; the sums of groups are added up in their order.
  constexpr std::size_t kGroups = 64;
  const auto width = static_cast<std::size_t>(dataset.store.feature_dim());
  const std::size_t row = 2 * width + 1;
  std::vector<double> sums(kGroups * row, 0.0);
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the store", config.dist.timeout());
    const std::vector<std::int64_t> videos = dataset.store.samples_of(io::Split::kTrain);
    std::vector<float> rows;
    for (std::size_t n = 0; n < videos.size(); ++n) {
      const std::size_t group = n % kGroups;
      if (static_cast<int>(group) % communicator.size().value != communicator.rank().value) continue;
      const std::int64_t frames = dataset.store.length(videos[n]);
      rows.resize(static_cast<std::size_t>(frames) * width);
      dataset.store.read_sample(videos[n], rows.data());
      double* const own = sums.data() + group * row;
      for (std::size_t at = 0; at < rows.size(); ++at) {
        const auto value = static_cast<double>(rows[at]);
        own[at % width] += value;
        own[width + at % width] += value * value;
      }
      own[2 * width] += static_cast<double>(frames);
    }
  });
  communicator.all_reduce(std::span(sums), dist::Reduction::kSum);
  for (std::size_t group = 1; group < kGroups; ++group) {
    for (std::size_t n = 0; n < row; ++n) sums[n] += sums[group * row + n];
  }
  FeatureScale scale;
  const double frames = std::max(sums[2 * width], 1.0);
  for (std::size_t f = 0; f < width; ++f) {
    const double mean = sums[f] / frames;
    const double variance = std::max(sums[width + f] / frames - mean * mean, 0.0);
    const double deviation = std::sqrt(variance);
    constexpr double kRounding = 1e-7;  // of f32 features that are all the same
    scale.mean.push_back(static_cast<float>(mean));
    scale.deviation.push_back(deviation > kRounding * std::abs(mean) ? static_cast<float>(deviation) : 1.0F);
  }
  return scale;
}

ModelContent starting_model(Config& config, const GivenKeys& given, Dataset& dataset,
                            dist::Communicator& communicator) {
  if (!config.model.init.empty()) {
    ModelContent content = read_start(config, given, dataset.store, communicator);
    log_info(fmt::format("start: weights of {}", config.model.init.string()));
    settle_features(content, dataset, config, communicator);
    content.dropout = config.model.dropout;
    content.epoch = -1;
    content.training.reset();
    return content;
  }
  ModelContent content;
  content.sizes = sizes_of(config, dataset.store.feature_dim());
  content.dropout = config.model.dropout;
  content.weights =
      initial_weights(content.sizes, config.model.layer_init, static_cast<std::uint64_t>(config.train.seed));
  content.statistics = initial_statistics(content.sizes);
  settle_features(content, dataset, config, communicator);
  return content;
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
  if (!config.model.init.empty() && config.model.init != before.model.init) {
    log_warning(fmt::format("model.init = \"{}\" is not read: the run goes on from its checkpoint",
                            config.model.init.string()));
  }
  config.model.init = before.model.init;  // what the run began with
}

void bring_history(const Checkpoint& checkpoint, const std::filesystem::path& folder) {
  const std::int64_t best_epoch = checkpoint.content.training->course.best.epoch;
  bring_run(checkpoint.file, folder, best_epoch, [&](const auto& from, const auto& to) {
    const ModelContent content = read_model(from);
    if (content.epoch == best_epoch) write_model(to, content);
    return content.epoch;
  });
}

}  // namespace alignment::lrprop
