#include "src/config/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "src/config/choices.hpp"

namespace alignment {
namespace {

template <auto kSection, auto kMember>
struct Field {
  static auto& of(Config& config) { return config.*kSection.*kMember; }
  static const auto& of(const Config& config) { return config.*kSection.*kMember; }
};

template <typename Field>
Key boolean(KeyOwner owner, std::string section, std::string name, std::string help) {
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kBoolean,
          std::move(help),
          "true|false",
          "true or false",
          [](Config& config, const RawValue& raw) {
            const bool* value = std::get_if<bool>(&raw);
            if (value) Field::of(config) = *value;
            return value != nullptr;
          },
          [](const Config& config) -> RawValue { return Field::of(config); }};
}

template <typename Field>
Key integer(KeyOwner owner, std::string section, std::string name, std::int64_t minimum, std::int64_t maximum,
            std::string help) {
  const bool bounded = maximum != std::numeric_limits<std::int64_t>::max();
  std::string expected =
      bounded ? fmt::format("an integer from {} to {}", minimum, maximum) : fmt::format("an integer >= {}", minimum);
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kInteger,
          std::move(help),
          "INTEGER",
          std::move(expected),
          [minimum, maximum](Config& config, const RawValue& raw) {
            const std::int64_t* value = std::get_if<std::int64_t>(&raw);
            if (!value || *value < minimum || *value > maximum) return false;
            Field::of(config) = *value;
            return true;
          },
          [](const Config& config) -> RawValue { return Field::of(config); }};
}

template <typename Field>
Key integer(KeyOwner owner, std::string section, std::string name, std::int64_t minimum, std::string help) {
  return integer<Field>(owner, std::move(section), std::move(name), minimum, std::numeric_limits<std::int64_t>::max(),
                        std::move(help));
}

enum class Sign : std::uint8_t { kPositive, kNotNegative };

/// A finite number of that sign, at most `maximum`.
template <typename Field>
Key number(KeyOwner owner, std::string section, std::string name, Sign sign, double maximum, std::string help) {
  std::string expected = sign == Sign::kPositive ? "a finite number > 0" : "a finite number >= 0";
  if (maximum < std::numeric_limits<double>::max()) expected += fmt::format(", at most {}", maximum);
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kNumber,
          std::move(help),
          "NUMBER",
          std::move(expected),
          [sign, maximum](Config& config, const RawValue& raw) {
            double value = std::numeric_limits<double>::quiet_NaN();
            if (const double* real = std::get_if<double>(&raw)) value = *real;
            if (const std::int64_t* whole = std::get_if<std::int64_t>(&raw)) value = static_cast<double>(*whole);
            const bool large_enough = sign == Sign::kPositive ? value > 0 : value >= 0;
            if (!large_enough || value > maximum) return false;
            Field::of(config) = value + 0.0;  // -0.0 becomes 0.0
            return true;
          },
          [](const Config& config) -> RawValue { return Field::of(config); }};
}

template <typename Field>
Key number(KeyOwner owner, std::string section, std::string name, Sign sign, std::string help) {
  return number<Field>(owner, std::move(section), std::move(name), sign, std::numeric_limits<double>::max(),
                       std::move(help));
}

template <typename Field>
Key choice(KeyOwner owner, std::string section, std::string name, std::string help) {
  using Choice = std::remove_cvref_t<decltype(Field::of(std::declval<Config&>()))>;
  static constexpr const auto& kNames = kChoiceNames<Choice>;
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kText,
          std::move(help),
          fmt::format("{}", fmt::join(kNames, "|")),
          fmt::format("one of \"{}\"", fmt::join(kNames, "\", \"")),
          [](Config& config, const RawValue& raw) {
            const std::string* text = std::get_if<std::string>(&raw);
            const auto found = text ? std::find(kNames.begin(), kNames.end(), *text) : kNames.end();
            if (found == kNames.end()) return false;
            Field::of(config) = static_cast<Choice>(found - kNames.begin());
            return true;
          },
          [](const Config& config) -> RawValue { return std::string(choice_name(Field::of(config))); }};
}

/// A string or a path; `expected` says what an empty one would lack, or nothing where empty has a meaning.
template <typename Field>
Key text(KeyOwner owner, std::string section, std::string name, std::string placeholder, std::string expected,
         bool may_be_empty, std::string help) {
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kText,
          std::move(help),
          std::move(placeholder),
          std::move(expected),
          [may_be_empty](Config& config, const RawValue& raw) {
            const std::string* value = std::get_if<std::string>(&raw);
            if (!value || !is_plain_text(*value) || (value->empty() && !may_be_empty)) return false;
            Field::of(config) = *value;
            return true;
          },
          [](const Config& config) -> RawValue {
            if constexpr (requires { Field::of(config).string(); })
              return Field::of(config).string();
            else
              return Field::of(config);
          }};
}

template <typename Field>
Key files(KeyOwner owner, std::string section, std::string name, std::string help) {
  return {owner,
          std::move(section),
          std::move(name),
          KeyKind::kFiles,
          std::move(help),
          "FILE ...",
          "a file name or an array of file names",
          [](Config& config, const RawValue& raw) {
            std::vector<std::string> names;
            if (const auto* list = std::get_if<std::vector<std::string>>(&raw))
              names = *list;
            else if (const auto* single = std::get_if<std::string>(&raw))
              names = {*single};
            else
              return false;
            const auto fits = [](const std::string& file) { return !file.empty() && is_plain_text(file); };
            if (!std::all_of(names.begin(), names.end(), fits)) return false;
            Field::of(config).assign(names.begin(), names.end());
            return true;
          },
          [](const Config& config) -> RawValue {
            std::vector<std::string> names;
            for (const std::filesystem::path& file : Field::of(config)) names.push_back(file.string());
            return names;
          }};
}

std::vector<Key> make_keys() {
  constexpr auto kData = &Config::data;
  constexpr auto kModel = &Config::model;
  constexpr auto kCentroids = &Config::centroids;
  constexpr auto kTrain = &Config::train;
  constexpr auto kEval = &Config::eval;
  constexpr auto kDist = &Config::dist;
  constexpr auto kRun = &Config::run;
  return {
      files<Field<kData, &DataConfig::store>>(KeyOwner::kProcess, "data", "store", "TSE stores, read as one"),
      choice<Field<kData, &DataConfig::cache>>(
          KeyOwner::kJob, "data", "cache",
          "where features stay once read: in GPU memory, in the host's, or nowhere; auto: the first where they fit"),
      integer<Field<kData, &DataConfig::prefetch>>(KeyOwner::kProcess, "data", "prefetch", 1, 1024,
                                                   "batches read ahead"),
      choice<Field<kData, &DataConfig::bad_samples>>(
          KeyOwner::kRun, "data", "bad_samples",
          "samples with features that are NaN or infinite: refuse the store, or read it once more to skip them"),

      integer<Field<kModel, &ModelConfig::steps>>(KeyOwner::kModel, "model", "steps", 1, "K, steps of a centroid"),
      choice<Field<kModel, &ModelConfig::weight_init>>(KeyOwner::kRun, "model", "weight_init",
                                                       "weights before training: all one, or random normal logarithms"),
      boolean<Field<kModel, &ModelConfig::learn_weights>>(KeyOwner::kRun, "model", "learn_weights",
                                                          "train the weights"),
      boolean<Field<kModel, &ModelConfig::learn_centroids>>(KeyOwner::kRun, "model", "learn_centroids",
                                                            "train the centroids"),
      boolean<Field<kModel, &ModelConfig::diagonal>>(KeyOwner::kModel, "model", "diagonal",
                                                     "allow diagonal steps in the alignment"),
      text<Field<kModel, &ModelConfig::init>>(KeyOwner::kJob, "model", "init", "FILE", "a model file's name, or \"\"",
                                              true,
                                              "model file to start from; empty: centroids by barycenter averaging"),

      integer<Field<kCentroids, &CentroidsConfig::samples_per_class>>(
          KeyOwner::kRun, "centroids", "samples_per_class", 1,
          "training samples that a class's first centroid is averaged from, at most"),
      integer<Field<kCentroids, &CentroidsConfig::iterations>>(KeyOwner::kRun, "centroids", "iterations", 1,
                                                               "rounds of barycenter averaging, at most"),

      integer<Field<kTrain, &TrainConfig::epochs>>(KeyOwner::kRun, "train", "epochs", 0,
                                                   "passes over the training samples"),
      integer<Field<kTrain, &TrainConfig::batch_size>>(KeyOwner::kRun, "train", "batch_size", 1,
                                                       "samples per step, over all ranks"),
      number<Field<kTrain, &TrainConfig::lr>>(KeyOwner::kRun, "train", "lr", Sign::kPositive,
                                              "learning rate of the logarithmic weights"),
      number<Field<kTrain, &TrainConfig::centroid_lr_ratio>>(
          KeyOwner::kRun, "train", "centroid_lr_ratio", Sign::kNotNegative,
          "learning rate of the centroids, as a multiple of train.lr"),
      number<Field<kTrain, &TrainConfig::weight_decay>>(KeyOwner::kRun, "train", "weight_decay", Sign::kNotNegative,
                                                        "AdamW's decay (profile dejavid-code: 0.01)"),
      choice<Field<kTrain, &TrainConfig::refresh>>(KeyOwner::kRun, "train", "refresh",
                                                   "how often the copy that paths are searched with is renewed"),
      choice<Field<kTrain, &TrainConfig::path_precision>>(KeyOwner::kRun, "train", "path_precision",
                                                          "costs that training searches paths in: f16 on GPUs only"),
      choice<Field<kTrain, &TrainConfig::gradient_precision>>(
          KeyOwner::kRun, "train", "gradient_precision",
          "numbers that training's distances and gradients are of, their sums being f32: f16 on GPUs"),
      boolean<Field<kTrain, &TrainConfig::shuffle>>(KeyOwner::kRun, "train", "shuffle",
                                                    "a new sample order every epoch"),
      integer<Field<kTrain, &TrainConfig::seed>>(KeyOwner::kRun, "train", "seed", 0,
                                                 "what every random draw depends on"),
      choice<Field<kTrain, &TrainConfig::profile>>(KeyOwner::kRun, "train", "profile",
                                                   "defaults of the paper or of the released code"),
      choice<Field<kTrain, &TrainConfig::logit_norm>>(
          KeyOwner::kModel, "train", "logit_norm",
          "normalisation of the logits; two classes need none; a model brings its own"),

      choice<Field<kEval, &EvalConfig::paths>>(
          KeyOwner::kRun, "eval", "paths",
          "paths of the current parameters or of the frozen copy (profile dejavid-code: frozen)"),
      choice<Field<kEval, &EvalConfig::split>>(KeyOwner::kRun, "eval", "split",
                                               "samples to evaluate; auto: val, or test without val"),

      choice<Field<kDist, &DistConfig::device>>(KeyOwner::kJob, "dist", "device", "where to compute"),
      choice<Field<kDist, &DistConfig::backend>>(KeyOwner::kJob, "dist", "backend", "how ranks communicate"),
      number<Field<kDist, &DistConfig::timeout_s>>(KeyOwner::kJob, "dist", "timeout_s", Sign::kPositive, 1e8,
                                                   "seconds a collective may take"),
      integer<Field<kDist, &DistConfig::threads>>(KeyOwner::kProcess, "dist", "threads", 0, 65536,
                                                  "threads a rank computes with; 0: its share of the host's cores"),

      text<Field<kRun, &RunConfig::dir>>(KeyOwner::kProcess, "run", "dir", "FOLDER", "a folder's name, or \"\"", true,
                                         "folder of the run; empty: runs/<store>-<UTC time>"),
      text<Field<kRun, &RunConfig::resume>>(KeyOwner::kJob, "run", "resume", "none|auto|FILE",
                                            "\"none\", \"auto\" or a checkpoint's file name", false,
                                            "go on from a checkpoint; auto: from the newest in run.dir, if any"),
      integer<Field<kRun, &RunConfig::checkpoint_every_steps>>(KeyOwner::kJob, "run", "checkpoint_every_steps", 0,
                                                               "steps between checkpoints; 0: at epoch ends only"),
      integer<Field<kRun, &RunConfig::checkpoint_keep>>(KeyOwner::kJob, "run", "checkpoint_keep", 1,
                                                        "newest checkpoints to keep"),
      boolean<Field<kRun, &RunConfig::keep_going>>(KeyOwner::kJob, "run", "keep_going",
                                                   "train on where a checkpoint cannot be written"),
      choice<Field<kRun, &RunConfig::progress>>(KeyOwner::kProcess, "run", "progress",
                                                "auto: a bar on a terminal, else plain lines"),
  };
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> table = make_keys();
  return table;
}

const Key* find_key(std::string_view full_name) {
  const auto found =
      std::find_if(keys().begin(), keys().end(), [&](const Key& key) { return key.full_name() == full_name; });
  return found == keys().end() ? nullptr : &*found;
}

void apply_profile(Config& config, const GivenKeys& given) {
  if (config.train.profile != Profile::kDejavidCode) return;
  if (!given.contains(find_key("train.weight_decay"))) config.train.weight_decay = 0.01;
  if (!given.contains(find_key("eval.paths"))) config.eval.paths = EvalPaths::kFrozen;
}

}  // namespace alignment
