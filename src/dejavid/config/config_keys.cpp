#include "src/dejavid/config/config_keys.hpp"

#include <algorithm>
#include <stdexcept>

#include "src/config/keys/key_rows.hpp"
#include "src/config/toml.hpp"
#include "src/dejavid/config/config.hpp"

namespace alignment::dejavid {
namespace {

std::vector<Key> make_keys() {
  const SectionKeys<&Config::samples> samples("data");
  const SectionKeys<&Config::model> model("model");
  const SectionKeys<&Config::centroids> centroids("centroids");
  const SectionKeys<&Config::train> train("train");
  const SectionKeys<&Config::eval> eval("eval");
  return {
      samples.boolean<&SamplesConfig::slope>(
          KeyOwner::kModel, "slope",
          "follow each sample's features by their slopes, over a 24th of its length each way"),
      samples.number<&SamplesConfig::holdout>(
          KeyOwner::kRun, "holdout", Sign::kNotNegative, 0.9,
          "share of each class's training samples to validate on instead, where the stores have no val split"),

      model.integer_or_auto<&ModelConfig::steps>(
          KeyOwner::kModel, "steps", 1, ModelConfig::kMostSteps,
          "K, steps of a centroid; auto: the median length of training samples, 8 to 64"),
      model.choice<&ModelConfig::weight_init>(KeyOwner::kRun, "weight_init",
                                              "weights before training: all one, or random normal logarithms"),
      model.boolean<&ModelConfig::learn_weights>(KeyOwner::kRun, "learn_weights", "train the weights"),
      model.boolean<&ModelConfig::learn_centroids>(KeyOwner::kRun, "learn_centroids", "train the centroids"),
      model.boolean<&ModelConfig::diagonal>(KeyOwner::kModel, "diagonal", "allow diagonal steps in the alignment"),
      model.text<&ModelConfig::init>(KeyOwner::kJob, "init", "FILE", "a model file's name, or \"\"", Empty::kAllowed,
                                     "model file to start from; empty: centroids by barycenter averaging"),

      centroids.integer<&CentroidsConfig::samples_per_class>(
          KeyOwner::kRun, "samples_per_class", 1,
          "training samples that a class's first centroid is averaged from, at most"),
      centroids.integer<&CentroidsConfig::iterations>(KeyOwner::kRun, "iterations", 1,
                                                      "rounds of barycenter averaging, at most"),

      train.integer_or_auto<&TrainConfig::epochs>(
          KeyOwner::kRun, "epochs", 0, TrainConfig::kLongestRun,
          "passes over the training samples; auto: as many as make 300 steps, 12 to 60"),
      train.integer<&TrainConfig::batch_size>(KeyOwner::kRun, "batch_size", 1, TrainConfig::kLargestBatch,
                                              "samples per step, over all ranks"),
      train.number<&TrainConfig::lr>(KeyOwner::kRun, "lr", Sign::kPositive, "learning rate of the logarithmic weights"),
      train.number<&TrainConfig::centroid_lr_ratio>(KeyOwner::kRun, "centroid_lr_ratio", Sign::kNotNegative,
                                                    "learning rate of the centroids, as a multiple of train.lr"),
      train.number<&TrainConfig::weight_decay>(
          KeyOwner::kRun, "weight_decay", Sign::kNotNegative,
          "AdamW's decay, of centroids towards 0, not towards the data, and of weights towards 1 / "
          "their feature's spread (profile dejavid-code: 0.01)"),
      train.choice<&TrainConfig::refresh>(KeyOwner::kRun, "refresh",
                                          "how often the copy that paths are searched with is renewed"),
      train.choice<&TrainConfig::path_precision>(KeyOwner::kRun, "path_precision",
                                                 "costs that training searches paths in: f16 on GPUs only"),
      train.choice<&TrainConfig::gradient_precision>(
          KeyOwner::kRun, "gradient_precision",
          "numbers that training's distances and gradients are of, their sums being f32: f16 on GPUs"),
      train.boolean<&TrainConfig::shuffle>(KeyOwner::kRun, "shuffle", "a new sample order every epoch"),
      train.integer<&TrainConfig::seed>(KeyOwner::kRun, "seed", 0, "what every random draw depends on"),
      train.choice<&TrainConfig::profile>(KeyOwner::kRun, "profile", "defaults of the paper or of the released code"),
      train.choice<&TrainConfig::logit_norm>(KeyOwner::kModel, "logit_norm",
                                             "how distances become logits: normalised over the classes, as they are, "
                                             "or their logarithms; two classes need "
                                             "one of the last two; a model brings its own"),
      train.number<&TrainConfig::logit_scale>(KeyOwner::kModel, "logit_scale", Sign::kPositive, 1e6,
                                              "factor of the logarithms of train.logit_norm = \"log\""),
      train.number<&TrainConfig::label_smoothing>(
          KeyOwner::kRun, "label_smoothing", Sign::kNotNegative, 0.9,
          "share of each training sample's target that is spread over all classes; validation has none"),

      eval.choice<&EvalConfig::paths>(
          KeyOwner::kRun, "paths",
          "paths of the current parameters or of the frozen copy (profile dejavid-code: frozen)"),
      eval.choice<&EvalConfig::split>(KeyOwner::kRun, "split",
                                      "samples to evaluate; auto: val, or test without val, or what training held out"),
  };
}

void apply_profile(SharedConfig& shared, const GivenKeys& given) {
  auto& config = dynamic_cast<Config&>(shared);
  if (config.train.profile != Profile::kDejavidCode) return;
  if (!given.contains(find_key("train.weight_decay"))) config.train.weight_decay = 0.01;
  if (!given.contains(find_key("eval.paths"))) config.eval.paths = EvalPaths::kFrozen;
}

}  // namespace

const KeyTable& key_table() {
  static const KeyTable table = KeyTable::of<Config>(make_keys(), apply_profile);
  return table;
}

const std::vector<Key>& keys() {
  return key_table().keys();
}

const Key* find_key(std::string_view full_name) {
  return key_table().find(full_name);
}

const NamedConfig& named_config(std::string_view name) {
  const std::vector<NamedConfig>& all = named_configs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const NamedConfig& one) { return one.name == name; });
  if (found == all.end()) throw std::out_of_range("no configuration is called " + std::string(name));
  return *found;
}

std::string to_toml(const Config& config) {
  return to_toml(key_table(), config);
}

Config from_toml(std::string_view text, const std::string& name) {
  Config config;
  from_toml(key_table(), text, name, config);
  return config;
}

}  // namespace alignment::dejavid
