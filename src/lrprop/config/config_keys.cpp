#include "src/lrprop/config/config_keys.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "src/config/error.hpp"
#include "src/config/keys/key_rows.hpp"
#include "src/config/toml.hpp"
#include "src/lrprop/config/config.hpp"

namespace alignment::lrprop {
namespace {

std::vector<Key> model_keys() {
  const SectionKeys<&Config::features> features("data");
  const SectionKeys<&Config::model> model("model");
  return {
      features.boolean<&FeaturesConfig::standardize>(
          KeyOwner::kModel, "standardize",
          "features less their mean over the training frames, in units of their standard deviation"),

      model.integer<&ModelConfig::fc_width>(KeyOwner::kModel, "fc_width", 1, ModelConfig::kMostExtent,
                                            "width of the two first layers"),
      model.integer<&ModelConfig::hidden>(KeyOwner::kModel, "hidden", 2, ModelConfig::kMostExtent,
                                          "width of the transformer"),
      model.integer<&ModelConfig::heads>(KeyOwner::kModel, "heads", 1, ModelConfig::kMostExtent,
                                         "attention heads of a block"),
      model.integer<&ModelConfig::ff_width>(KeyOwner::kModel, "ff_width", 1, ModelConfig::kMostExtent,
                                            "width within a block's feed-forward"),
      model.integer<&ModelConfig::layers>(KeyOwner::kModel, "layers", 0, ModelConfig::kMostLayers,
                                          "blocks of the transformer"),
      model.integer<&ModelConfig::embedding>(KeyOwner::kModel, "embedding", 1, ModelConfig::kMostExtent,
                                             "width of a frame's embedding"),
      model.number<&ModelConfig::dropout>(KeyOwner::kRun, "dropout", Sign::kNotNegative, 0.99,
                                          "share of numbers that training leaves out at each place"),
      model.choice<&ModelConfig::layer_init>(KeyOwner::kRun, "layer_init",
                                             "first weights of the blocks: drawn for each, or of the first for all"),
      model.text<&ModelConfig::init>(KeyOwner::kJob, "init", "FILE", "a model file's name, or \"\"", Empty::kAllowed,
                                     "model file to start from; empty: weights are drawn"),
  };
}

std::vector<Key> loss_keys() {
  // Losses and their gradients are f32: within these bounds their products and squares are finite there.
  constexpr double kLeastTemperature = 1e-6, kLeastSquare = 1e-12, kMost = 1e6,
                   kUnbounded = std::numeric_limits<double>::max();
  const SectionKeys<&Config::loss> loss("loss");
  return {
      loss.number<&LossConfig::lambda_same>(KeyOwner::kRun, "lambda_same", Sign::kNotNegative, kMost,
                                            "weight of L_same"),
      loss.number<&LossConfig::lambda_prop>(KeyOwner::kRun, "lambda_prop", Sign::kNotNegative, kMost,
                                            "weight of L_prop (profile paper: 0.01; carl: 0)"),
      loss.number<&LossConfig::lambda_sdtw>(KeyOwner::kRun, "lambda_sdtw", Sign::kNotNegative, kMost,
                                            "weight of L_sdtw (profile paper: 0.4; carl: 0)"),
      loss.number_between<&LossConfig::temperature>(KeyOwner::kRun, "temperature", kLeastTemperature, kUnbounded,
                                                    "tau, which similarities are divided by"),
      loss.number_between<&LossConfig::sigma2>(KeyOwner::kRun, "sigma2", kLeastSquare, kUnbounded,
                                               "square of the prior's width in frames (profiles paper and carl: 10)"),
      loss.number<&LossConfig::gamma>(KeyOwner::kRun, "gamma", Sign::kPositive, "smoothing of soft-DTW"),
      loss.choice<&LossConfig::sdtw_reduction>(
          KeyOwner::kRun, "sdtw_reduction",
          "soft-DTW as it is, or divided by the mean length of the two sequences (profile paper: sum)"),
      loss.choice<&LossConfig::regularizer>(KeyOwner::kRun, "regularizer",
                                            "a further loss within each video, against collapse"),
      loss.number<&LossConfig::regularizer_weight>(KeyOwner::kRun, "regularizer_weight", Sign::kNotNegative, kMost,
                                                   "weight of that loss"),
      loss.number<&LossConfig::idm_margin>(KeyOwner::kRun, "idm_margin", Sign::kPositive, kMost,
                                           "distance that contrastive-idm asks of frames far from each other"),
      loss.number<&LossConfig::idm_sigma>(KeyOwner::kRun, "idm_sigma", Sign::kNotNegative,
                                          "frames up to which contrastive-idm takes two for neighbours"),
  };
}

std::vector<Key> train_keys() {
  const SectionKeys<&Config::train> train("train");
  return {
      train.integer<&TrainConfig::epochs>(
          KeyOwner::kRun, "epochs", TrainConfig::kFollowsPlan, TrainConfig::kLongestRun,
          "passes over the training videos; -1: 400, or one over a plan (profiles paper and carl: 300)"),
      train.integer<&TrainConfig::frames>(KeyOwner::kModel, "frames", 2, ModelConfig::kMostExtent,
                                          "T, frames of a view at most"),
      train.choice<&TrainConfig::sampler>(KeyOwner::kRun, "sampler",
                                          "how a view's frames are drawn: from the whole video, or from a crop of it"),
      train.integer<&TrainConfig::pairs_per_rank>(KeyOwner::kRun, "pairs_per_rank", 1, TrainConfig::kMostPairs,
                                                  "pairs of videos a step, on each rank"),
      train.integer<&TrainConfig::pairs_per_step>(
          KeyOwner::kRun, "pairs_per_step", 0, TrainConfig::kMostPairs,
          "pairs a step over all ranks, so that results do not depend on their number; 0: train.pairs_per_rank each"),
      train.number<&TrainConfig::lr>(KeyOwner::kRun, "lr", Sign::kPositive,
                                     "Adam's learning rate (profiles paper and carl: 0.0001)"),
      train.number<&TrainConfig::weight_decay>(KeyOwner::kRun, "weight_decay", Sign::kNotNegative,
                                               "Adam's decay, a part of the gradient"),
      train.number<&TrainConfig::clip_norm>(KeyOwner::kRun, "clip_norm", Sign::kNotNegative,
                                            "largest norm of the whole gradient; 0: any"),
      train.choice<&TrainConfig::schedule>(KeyOwner::kRun, "schedule",
                                           "learning rate over the epochs; carl: a cosine one epoch longer"),
      train.choice<&TrainConfig::batch_norm>(KeyOwner::kRun, "batch_norm",
                                             "statistics over the frames of all ranks, or of each rank"),
      train.integer<&TrainConfig::seed>(KeyOwner::kRun, "seed", 0, "what every random draw depends on"),
      train.text<&TrainConfig::plan>(KeyOwner::kRun, "plan", "FILE", "a plan file's name, or \"\"", Empty::kAllowed,
                                     "pairs and frames of every step; empty: they are drawn"),
      train.choice<&TrainConfig::profile>(KeyOwner::kRun, "profile",
                                          "defaults that work on small stores, of the paper, or of CARL"),
  };
}

std::vector<Key> eval_keys() {
  const SectionKeys<&Config::eval> eval("eval");
  return {
      eval.choice<&EvalConfig::split>(KeyOwner::kRun, "split", "videos to evaluate; auto: val, or test without val"),
      eval.integer<&EvalConfig::every_epochs>(KeyOwner::kRun, "every_epochs", 0,
                                              "epochs between validations; 0: only after the last"),
      eval.integer<&EvalConfig::stride>(KeyOwner::kRun, "stride", 1,
                                        "frames from one to the next in AP@K and Kendall's tau"),
      eval.integer<&EvalConfig::dtw_stride>(KeyOwner::kRun, "dtw_stride", 1,
                                            "frames from one to the next in the DTW accuracy"),
      eval.text<&EvalConfig::fractions>(KeyOwner::kRun, "fractions", "LIST", "numbers in (0,1] with commas",
                                        Empty::kRefused, "shares of the training videos that classifiers learn from"),
      eval.text<&EvalConfig::k>(KeyOwner::kRun, "k", "LIST", "whole numbers with commas", Empty::kRefused, "K of AP@K"),
      eval.integer<&EvalConfig::svm_frames>(KeyOwner::kRun, "svm_frames", 0,
                                            "frames that a classifier learns from, at most; 0: all"),
      eval.integer<&EvalConfig::subsets>(KeyOwner::kRun, "subsets", 0, 1000,
                                         "random subsets of each share, beside the first videos"),
      eval.integer<&EvalConfig::frames_per_pass>(KeyOwner::kRun, "frames_per_pass", 0,
                                                 "frames of a video that the encoder sees at once; 0: all"),
  };
}

std::vector<Key> make_keys() {
  std::vector<Key> all;
  for (auto* section : {&model_keys, &loss_keys, &train_keys, &eval_keys}) {
    for (Key& key : section()) all.push_back(std::move(key));
  }
  return all;
}

void apply_profile(SharedConfig& shared, const GivenKeys& given) {
  auto& config = dynamic_cast<Config&>(shared);
  if (config.train.profile == Profile::kRecommended) return;
  const auto set = [&](const char* name, auto& value, auto of_profile) {
    if (!given.contains(find_key(name))) value = of_profile;
  };
  set("loss.sigma2", config.loss.sigma2, 10.0);
  set("train.lr", config.train.lr, 1e-4);
  if (config.train.plan.empty()) set("train.epochs", config.train.epochs, std::int64_t{300});
  if (config.train.profile == Profile::kPaper) {
    set("loss.lambda_prop", config.loss.lambda_prop, 0.01);
    set("loss.lambda_sdtw", config.loss.lambda_sdtw, 0.4);
    set("loss.sdtw_reduction", config.loss.sdtw_reduction, SdtwReduction::kSum);
  } else {
    set("loss.lambda_prop", config.loss.lambda_prop, 0.0);
    set("loss.lambda_sdtw", config.loss.lambda_sdtw, 0.0);
    set("model.layers", config.model.layers, std::int64_t{3});
    set("model.layer_init", config.model.layer_init, LayerInit::kCloned);
    set("train.schedule", config.train.schedule, Schedule::kCarl);
  }
}

/// The numbers of a list with commas. `fits`: whether a number may stand there.
template <typename Number, typename Fits>
std::vector<Number> numbers_of(const char* key, const std::string& text, const char* expected, const Fits& fits) {
  std::vector<Number> numbers;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at <= end) {
    while (at != end && *at == ' ') ++at;
    Number number{};
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc() || !fits(number) || (rest != end && *rest != ',')) {
      throw ConfigError(fmt::format("{}: found \"{}\"; expected {}, such as {}", key, text, expected,
                                    std::is_integral_v<Number> ? "\"1,5,10\"" : "\"0.1,0.5,1\""));
    }
    numbers.push_back(number);
    if (rest == end) break;
    at = rest + 1;
  }
  return numbers;
}

}  // namespace

const KeyTable& key_table() {
  static const KeyTable table = KeyTable::of<Config>(make_keys(), apply_profile);
  return table;
}

const Key* find_key(std::string_view full_name) {
  return key_table().find(full_name);
}

std::string to_toml(const Config& config) {
  return to_toml(key_table(), config);
}

Config from_toml(std::string_view text, const std::string& name) {
  Config config;
  from_toml(key_table(), text, name, config);
  return config;
}

std::vector<double> fractions_of(const Config& config) {
  return numbers_of<double>("eval.fractions", config.eval.fractions, "numbers above 0 and up to 1 with commas",
                            [](double fraction) { return fraction > 0 && fraction <= 1; });
}

std::vector<std::int64_t> ks_of(const Config& config) {
  constexpr std::int64_t kMost = 1'000'000;
  return numbers_of<std::int64_t>("eval.k", config.eval.k, "whole numbers from 1 to 1000000 with commas",
                                  [](std::int64_t k) { return k >= 1 && k <= kMost; });
}

void check_sizes(const Config& config) {
  const ModelConfig& model = config.model;
  if (model.hidden % model.heads != 0) {
    throw ConfigError(fmt::format("model.heads: found {} with model.hidden = {}; expected a divisor of it; change one",
                                  model.heads, model.hidden));
  }
  if (model.hidden % 2 != 0) {
    throw ConfigError(fmt::format(
        "model.hidden: found {}; expected an even number, as positions are sines and cosines in turn", model.hidden));
  }
}

}  // namespace alignment::lrprop
