#include "src/dejavid/model/new_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/errors.hpp"
#include "io/store/encoder_names.hpp"
#include "kernels/quantized.hpp"
#include "src/config/error.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/dejavid/model/centroids.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/samples/random.hpp"

namespace alignment::dejavid {
namespace {

/// Logarithms of the starting weights [.., F]: all 0, or standard normal drawn from the seed, less those of the spread.
std::vector<float> initial_log_weights(std::int64_t count, const Config& config, const std::vector<float>& spread) {
  std::vector<float> log_weights(static_cast<std::size_t>(count), 0.0F);
  if (config.model.weight_init == WeightInit::kRandom) {
    Random random{static_cast<std::uint64_t>(config.train.seed), 0x77656967687473U};  // "weights": a stream of its own
    for (float& log_weight : log_weights) log_weight = static_cast<float>(random.normal());
  }
  if (spread.empty()) return log_weights;
  for (std::size_t n = 0; n < log_weights.size(); ++n) log_weights[n] -= std::log(spread[n % spread.size()]);
  return log_weights;
}

}  // namespace

std::string two_classes_need_no_norm() {
  return "train.logit_norm: found \"layernorm\" with a store of 2 classes, whose normalised logits are always +-0.707, "
         "so that nothing can be learned; expected \"log\" or \"none\"; set train.logit_norm = \"log\"";
}

void require_trainable(const Config& config, const io::TseStore& store) {
  if (store.class_count() == 2 && config.train.logit_norm == LogitNorm::kLayernorm) {
    throw ConfigError(two_classes_need_no_norm());
  }
  const std::int64_t feature_dim = feature_dim_of(config, store);
  if (config.train.path_precision == PathPrecision::kI8 && feature_dim > kernels::kMostQuantizedFeatures) {
    throw ConfigError(fmt::format(
        "train.path_precision: found \"i8\" with a store of {} features{}; expected at most {}; set "
        "train.path_precision = \"f32\"",
        store.feature_dim(), config.samples.slope ? " and as many slopes" : "", kernels::kMostQuantizedFeatures));
  }
}

std::vector<float> training_spread(Dataset& dataset, dist::Communicator& communicator, const Config& config) {
  std::vector<float> spread = measure_spread(dataset, communicator, config);
  const auto [least, most] = std::minmax_element(spread.begin(), spread.end());
  const std::string range = fmt::format("standard deviations from {:.3g} to {:.3g}", *least, *most);
  if (config.train.profile == Profile::kPaper) {
    log_detail(fmt::format("features: {}, which the steps of training are measured in", range));
    return spread;
  }
  std::nth_element(spread.begin(), spread.begin() + static_cast<std::ptrdiff_t>(spread.size() / 2), spread.end());
  const float middle = spread[spread.size() / 2];
  constexpr float kFar = 30;  // the released code's own features come as near
  if ((middle < 1 / kFar || middle > kFar) && communicator.is_root()) {
    log_warning(
        fmt::format("features: found {}; train.profile = \"dejavid-code\" takes absolute steps, which fit features of "
                    "about 1; scale the features, or use train.profile = \"paper\", whose steps follow their scale",
                    range));
  }
  return {};
}

Model barycenter_model(Dataset& dataset, dist::Communicator& communicator, const Config& config, int threads) {
  Model model;
  model.classes = dataset.store.class_count();
  model.steps = config.model.steps;
  model.feature_dim = dataset.feature_dim();
  model.slope = dataset.needs.slopes;
  model.diagonal = config.model.diagonal;
  model.class_names = dataset.store.class_names();
  model.encoder = io::text_of_encoders(dataset.store.encoders());
  model.spread = training_spread(dataset, communicator, config);
  model.centroids = initial_centroids(dataset, communicator, config, threads, model.spread);
  agreed(communicator, [&] { model.log_weights = initial_log_weights(model.element_count(), config, model.spread); });
  return model;
}

ModelContent content_of(const Model& model, const Config& config) {
  ModelContent content;
  content.classes = model.classes;
  content.steps = model.steps;
  content.feature_dim = model.feature_dim;
  content.centroids = model.centroids;
  content.log_weights = model.log_weights;
  content.class_names = model.class_names;
  content.diagonal = model.diagonal;
  content.slope = model.slope;
  content.held_out = model.held_out;
  content.encoder = model.encoder;
  content.epoch = -1;
  content.config = to_toml(config);
  return content;
}

Model model_of(const ModelContent& content) {
  return {{content.classes, content.steps, content.feature_dim},
          {content.centroids, content.log_weights},
          content.slope,
          content.diagonal,
          content.class_names,
          content.held_out,
          content.encoder,
          {}};
}

Config config_of(const ModelContent& content, const std::filesystem::path& file) {
  try {
    Config config = from_toml(content.config, file.string());
    config.model.steps = content.steps;
    config.model.diagonal = content.diagonal;
    if (config.samples.slope && !content.slope) {
      throw io::ModelFileError(
          fmt::format("{}: found data.slope = true in the attribute config and no attribute slope; expected both or "
                      "neither; take the file as it was written, or write 1 there",
                      file.string()));
    }
    config.samples.slope = content.slope;
    return config;
  } catch (const ConfigError& error) {
    throw io::ModelFileError(
        fmt::format("{} (attribute config); use the version of the program that wrote it, or write "
                    "\"\" there",
                    error.what()));
  }
}

}  // namespace alignment::dejavid
