#include "src/programs/dejavid_bench/problems/lrprop_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <random>
#include <span>

#include "io/bytes/random_bits.hpp"
#include "src/config/error.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/network/freed_memory.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/problems/whole_numbers.hpp"

namespace alignment::dejavid::bench {
namespace {

constexpr std::int64_t kFramesOfVideo = 2;  ///< for each of a view

lrprop::EncoderSizes paper_sizes(std::int64_t frames) {
  const lrprop::ModelConfig model;
  constexpr std::int64_t kFeatures = 2048;  // of a ResNet-50
  return {kFeatures, model.fc_width, model.hidden, model.heads, model.ff_width, model.layers, model.embedding, frames};
}

const std::vector<LrpropShape>& presets() {
  static const std::vector<LrpropShape> all{{"small", {60, 128, 64, 4, 128, 2, 32, 80}},
                                            {"paper-40", paper_sizes(40)},
                                            {"paper-80", paper_sizes(80)},
                                            {"paper-240", paper_sizes(240)}};
  return all;
}

}  // namespace

LrpropShape parse_lrprop_shape(const std::string& text) {
  for (const LrpropShape& preset : presets()) {
    if (preset.name == text) return preset;
  }
  if (const auto numbers = whole_numbers<8>(text)) {
    const auto& [features, fc_width, hidden, heads, ff_width, layers, embedding, frames] = *numbers;
    if (hidden % heads == 0 && frames >= 2) {
      return {"", {features, fc_width, hidden, heads, ff_width, layers, embedding, frames}};
    }
  }
  throw ConfigError(fmt::format(
      "--shape: found '{}'; expected small, paper-40, paper-80, paper-240, or eight numbers from 1 on: "
      "features, fc_width, hidden, heads (a divisor of hidden), ff_width, layers, embedding, frames (from 2 "
      "on); correct it",
      text));
}

LrpropProblem::LrpropProblem(const LrpropShape& shape) : sizes_(shape.sizes) {
  std::mt19937 generator;  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same numbers in every run
  for (const lrprop::ArrayShape& array : lrprop::weight_arrays(sizes_)) {
    const bool is_norm = array.name.find("norm") != std::string::npos || array.name.find("bn") != std::string::npos;
    const bool is_weight = array.name.ends_with(".weight");
    if (is_norm || !is_weight) {
      weights_.insert(weights_.end(), static_cast<std::size_t>(array.count()), is_weight ? 1.0F : 0.0F);
      continue;
    }
    const float bound = 1 / std::sqrt(static_cast<float>(array.shape.back()));  // as torch draws them
    std::uniform_real_distribution<float> draw(-bound, bound);
    std::generate_n(std::back_inserter(weights_), array.count(), [&] { return draw(generator); });
  }
  for (const lrprop::ArrayShape& array : lrprop::statistic_arrays(sizes_)) {
    const float value = array.name.ends_with("_var") ? 1 : 0;
    statistics_.insert(statistics_.end(), static_cast<std::size_t>(array.count()), value);
  }
  const std::int64_t frames = kFramesOfVideo * sizes_.train_frames;
  std::normal_distribution<float> normal;
  for (std::vector<float>& video : videos_) {
    video.resize(static_cast<std::size_t>(frames * sizes_.feature_dim));
    for (float& value : video) value = normal(generator);
  }
  views_.videos = {0, 1};
  std::vector<std::int64_t> all(static_cast<std::size_t>(frames));
  std::iota(all.begin(), all.end(), 0);
  for (lrprop::FrameIndices& view : views_.frames) {
    std::sample(all.begin(), all.end(), std::back_inserter(view), sizes_.train_frames, generator);
  }
}

lrprop::NetworkSettings LrpropProblem::settings(double dropout, int threads) const {
  lrprop::NetworkSettings settings;
  const lrprop::TrainConfig train;
  settings.sizes = sizes_;
  settings.dropout = dropout;
  settings.weight_decay = train.weight_decay;
  settings.clip_norm = train.clip_norm;
  settings.threads = threads;
  return settings;
}

lrprop::TrainingPair LrpropProblem::pair(std::int64_t step) const {
  lrprop::TrainingPair pair;
  pair.views = views_;
  pair.features = {videos_[0].data(), videos_[1].data()};
  io::RandomBits keys(static_cast<std::uint64_t>(step));
  for (auto& of_video : pair.dropout_keys) of_video = {keys.next(), keys.next()};
  return pair;
}

std::vector<float> LrpropProblem::view(std::size_t which) const {
  std::vector<float> rows;
  for (const std::int64_t frame : views_.frames[which]) {
    const auto first = videos_[which / 2].begin() + frame * sizes_.feature_dim;
    rows.insert(rows.end(), first, first + sizes_.feature_dim);
  }
  return rows;
}

double LrpropProblem::multiply_adds() const {
  constexpr double kViews = 4, kProducts = 3;
  double matrices = 0;
  for (const lrprop::ArrayShape& array : lrprop::weight_arrays(sizes_)) {
    if (array.shape.size() == 2) matrices += static_cast<double>(array.count());
  }
  return kProducts * kViews * static_cast<double>(sizes_.train_frames) * matrices;
}

LrpropSteps::LrpropSteps(const LrpropProblem& problem, double dropout, int threads)
    : problem_(problem), network_(problem.settings(dropout, threads), problem.weights(), problem.statistics()) {
  lrprop::keep_freed_memory();  // as lrprop_dist does
}

lrprop::PairTerms LrpropSteps::step(StepPhases& seconds) {
  const lrprop::TrainingPair pair = problem_.pair(++step_);
  const auto alone = [](auto) {};
  std::vector<lrprop::PairTerms> terms;
  double norm = 0;
  seconds = {seconds_of([&] {
               network_.encode({&pair, 1}, 1, alone);
             }),
             seconds_of([&] { terms = network_.losses(); }), seconds_of([&] { network_.backward(alone); }),
             seconds_of([&] { norm = network_.reduce(alone, alone); }),
             seconds_of([&] { network_.update(norm, lrprop::TrainConfig{}.lr, step_); })};
  return terms.front();
}

}  // namespace alignment::dejavid::bench
