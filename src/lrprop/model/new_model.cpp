#include "src/lrprop/model/new_model.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "io/store/encoder_names.hpp"
#include "src/job/agreed.hpp"
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

FeatureScale measure_features(Dataset& dataset, dist::Communicator& communicator) {
  // Groups of videos, each added up by one rank; the sums of groups are added up in their order.
  constexpr std::size_t kGroups = 64;
  const auto width = static_cast<std::size_t>(dataset.store.feature_dim());
  const std::size_t row = 2 * width + 1;
  std::vector<double> sums(kGroups * row, 0.0);
  agreed(communicator, [&] {
    const std::vector<std::int64_t> videos = dataset.store.samples_of(io::Split::kTrain);
    for (std::size_t n = 0; n < videos.size(); ++n) {
      const std::size_t group = n % kGroups;
      if (static_cast<int>(group) % communicator.size().value != communicator.rank().value) continue;
      const std::vector<float> rows = dataset.read_sample(videos[n]);
      double* const own = sums.data() + group * row;
      for (std::size_t at = 0; at < rows.size(); ++at) {
        const auto value = static_cast<double>(rows[at]);
        own[at % width] += value;
        own[width + at % width] += value * value;
      }
      const std::size_t frames = rows.size() / width;
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

void settle_features(ModelContent& content, Dataset& dataset, const Config& config, dist::Communicator& communicator) {
  if (!config.features.standardize || !content.feature_mean.empty()) return;
  FeatureScale scale = measure_features(dataset, communicator);
  content.feature_mean = std::move(scale.mean);
  content.feature_scale = std::move(scale.deviation);
}

ModelContent new_model(Dataset& dataset, dist::Communicator& communicator, const Config& config) {
  ModelContent content;
  content.sizes = sizes_of(config, dataset.store.feature_dim());
  content.dropout = config.model.dropout;
  content.weights =
      initial_weights(content.sizes, config.model.layer_init, static_cast<std::uint64_t>(config.train.seed));
  content.statistics = initial_statistics(content.sizes);
  content.encoder = io::text_of_encoders(dataset.store.encoders());
  settle_features(content, dataset, config, communicator);
  return content;
}

}  // namespace alignment::lrprop
