#include "src/dejavid/model_setup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/errors.hpp"
#include "src/config/command_line.hpp"
#include "src/dejavid/centroids.hpp"
#include "src/dejavid/random.hpp"
#include "src/run/failure.hpp"
#include "src/run/file_deadline.hpp"
#include "src/run/log.hpp"

namespace dejavid {
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

Model model_from(const io::ModelContent& content, const std::filesystem::path& file, const io::TseStore& store) {
  const auto refuse = [&](const std::string& what, std::int64_t found, std::int64_t expected) {
    throw io::ModelFileError(
        fmt::format("{}: found {} {}; expected {} as the store has; use the model and the store that belong together",
                    file.string(), found, what, expected));
  };
  if (content.feature_dim != store.feature_dim()) refuse("features", content.feature_dim, store.feature_dim());
  if (content.classes != store.class_count()) refuse("classes", content.classes, store.class_count());
  for (std::size_t c = 0; c < content.class_names.size(); ++c) {
    if (content.class_names[c] != store.class_names()[c]) {
      throw io::ModelFileError(
          fmt::format("{}: found class {} named '{}'; expected '{}' as the store has; use the model and the store that "
                      "belong together",
                      file.string(), c, content.class_names[c], store.class_names()[c]));
    }
  }
  return {content.classes,   content.steps,       content.feature_dim, content.diagonal,
          content.centroids, content.log_weights, store.class_names(), {}};
}

io::ModelContent content_of(const Model& model, const Config& config) {
  io::ModelContent content;
  content.classes = model.classes;
  content.steps = model.steps;
  content.feature_dim = model.feature_dim;
  content.centroids = model.centroids;
  content.log_weights = model.log_weights;
  content.class_names = model.class_names;
  content.diagonal = model.diagonal;
  content.epoch = -1;
  content.config = to_toml(config);
  return content;
}

Model load_model(const Config& config, const io::TseStore& store, dist::Communicator& communicator) {
  Model model;
  agreed(communicator, [&] {
    const dist::Deadline deadline = waiting_for_files("a read of the model", config.dist.timeout());
    model = model_from(io::read_model(config.model.init), config.model.init, store);
  });
  return model;
}

std::optional<Model> starting_model(Config& config, const io::TseStore& store, dist::Communicator& communicator) {
  if (config.model.init.empty()) return std::nullopt;
  Model model = load_model(config, store, communicator);
  model.diagonal = config.model.diagonal;
  config.model.steps = model.steps;
  log_info(
      fmt::format("start: centroids and weights of {}, {} centroid steps", config.model.init.string(), model.steps));
  return model;
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
  model.feature_dim = dataset.store.feature_dim();
  model.diagonal = config.model.diagonal;
  model.class_names = dataset.store.class_names();
  model.spread = training_spread(dataset, communicator, config);
  model.centroids = initial_centroids(dataset, communicator, config, threads, model.spread);
  agreed(communicator, [&] { model.log_weights = initial_log_weights(model.element_count(), config, model.spread); });
  return model;
}

}  // namespace dejavid
