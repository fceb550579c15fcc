#include "src/dejavid/model/model_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "io/archive.hpp"
#include "io/bytes/digest.hpp"
#include "io/errors.hpp"

namespace alignment::dejavid {
namespace {

constexpr io::ArchiveFormat kFormat{"dejavid-model", 1, "model file", "a model file or checkpoint"};
constexpr const char* kTraining = "training";  ///< the group of what only checkpoints have
constexpr const char* kDigest = "digest";
constexpr const char* kSpread = "spread";
constexpr const char* kHeaderDigest = "header_digest";

struct NamedArray {
  const char* name;
  std::vector<float> TrainingState::*values;
};
constexpr std::array<NamedArray, 6> kTrainingArrays{{
    {"centroid_first_moment", &TrainingState::centroid_first_moment},
    {"centroid_second_moment", &TrainingState::centroid_second_moment},
    {"log_weight_first_moment", &TrainingState::log_weight_first_moment},
    {"log_weight_second_moment", &TrainingState::log_weight_second_moment},
    {"frozen_centroids", &TrainingState::frozen_centroids},
    {"frozen_log_weights", &TrainingState::frozen_log_weights},
}};

struct NamedCount {
  const char* name;
  std::int64_t TrainingState::*value;
};
constexpr std::array<NamedCount, 6> kTrainingCounts{{
    {"epoch", &TrainingState::epoch},
    {"step", &TrainingState::step},
    {"step_in_epoch", &TrainingState::step_in_epoch},
    {"best_epoch", &TrainingState::best_epoch},
    {"epoch_correct", &TrainingState::epoch_correct},
    {"epoch_samples", &TrainingState::epoch_samples},
}};

struct NamedReal {
  const char* name;
  double TrainingState::*value;
};
constexpr std::array<NamedReal, 4> kTrainingReals{{
    {"best_val_top1", &TrainingState::best_val_top1},
    {"best_val_loss", &TrainingState::best_val_loss},
    {"best_val_top5", &TrainingState::best_val_top5},
    {"epoch_loss_sum", &TrainingState::epoch_loss_sum},
}};

/// Left out where they are NaN.
constexpr std::array<NamedReal, 5> kMilestoneReals{{
    {"last_train_loss", &TrainingState::last_train_loss},
    {"last_train_top1", &TrainingState::last_train_top1},
    {"last_val_loss", &TrainingState::last_val_loss},
    {"best_train_loss", &TrainingState::best_train_loss},
    {"best_train_top1", &TrainingState::best_train_top1},
}};

struct NamedSeed {
  const char* name;
  std::uint64_t TrainingState::*value;
};
constexpr std::array<NamedSeed, 2> kTrainingSeeds{{
    {"order_seed", &TrainingState::order_seed},
    {"store_identity", &TrainingState::store_identity},
}};

std::vector<std::int64_t> shape_of(const ModelContent& content) {
  return {content.classes, content.steps, content.feature_dim};
}

std::int64_t element_count(const ModelContent& content) {
  return content.classes * content.steps * content.feature_dim;
}

/// Over the configuration and the arrays in the order of kTrainingArrays, then the spread, absent ones left out.
std::uint64_t digest_of_arrays(const ModelContent& content) {
  io::Digest digest;
  digest.add(content.config.data(), content.config.size());
  digest.add(content.centroids);
  digest.add(content.log_weights);
  if (content.training) {
    for (const auto& array : kTrainingArrays) digest.add((*content.training).*(array.values));
    digest.add(content.training->spread);
  }
  return digest.value();
}

/// Over everything that digest_of_arrays() leaves out.
std::uint64_t digest_of_header(const ModelContent& content) {
  io::Digest digest;
  for (const auto& name : content.class_names) digest.add(name);
  digest.add(std::int64_t{content.diagonal});
  if (content.slope) digest.add(std::int64_t{content.slope});  // files of before have neither
  if (!content.validated_on.empty()) digest.add(content.validated_on);
  if (content.held_out != 0) digest.add(content.held_out);
  digest.add(content.epoch);
  digest.add(content.val_top1);
  digest.add(content.val_top5);
  if (content.training) {
    for (const auto& count : kTrainingCounts) digest.add((*content.training).*(count.value));
    for (const auto& real : kTrainingReals) digest.add((*content.training).*(real.value));
    for (const auto& seed : kTrainingSeeds) digest.add((*content.training).*(seed.value));
    for (const auto& real : kMilestoneReals) {
      const double value = (*content.training).*(real.value);
      if (!std::isnan(value)) digest.add(value);
    }
  }
  return digest.value();
}

void require_finite(const std::filesystem::path& file, const char* dataset, const std::vector<float>& values,
                    const ModelContent& content) {
  for (std::size_t n = 0; n < values.size(); ++n) {
    if (std::isfinite(values[n])) continue;
    const auto at = static_cast<std::int64_t>(n);
    const auto dim = content.feature_dim, steps = content.steps;
    throw io::NotFiniteError(fmt::format(
        "{}:{}: found {} at class {}, step {}, feature {}; expected finite numbers; go back to an earlier checkpoint",
        file.string(), dataset, values[n], at / (dim * steps), at / dim % steps, at % dim));
  }
}

void require_size(const std::filesystem::path& file, const char* what, std::size_t found, std::int64_t expected) {
  if (found != static_cast<std::size_t>(expected)) {
    throw io::ModelFileError(fmt::format("{}:{}: found {} numbers; expected {}; give content of matching shapes",
                                         file.string(), what, found, expected));
  }
}

void check(const std::filesystem::path& file, const ModelContent& content) {
  if (content.classes < 2 || content.steps < 1 || content.feature_dim < 1) {
    throw io::ModelFileError(fmt::format(
        "{}:centroids: found shape [{},{},{}]; expected at least 2 classes, 1 step and 1 feature; make the model again",
        file.string(), content.classes, content.steps, content.feature_dim));
  }
  require_size(file, "centroids", content.centroids.size(), element_count(content));
  require_size(file, "log_weights", content.log_weights.size(), element_count(content));
  require_size(file, "class_names", content.class_names.size(), content.classes);
  if (content.slope && content.feature_dim % 2 != 0) {
    throw io::ModelFileError(
        fmt::format("{}:attribute slope: found 1 with {} features; expected an even number, of which the last half are "
                    "slopes; make the model again",
                    file.string(), content.feature_dim));
  }
  require_finite(file, "centroids", content.centroids, content);
  require_finite(file, "log_weights", content.log_weights, content);
  if (!content.training) return;
  for (const auto& array : kTrainingArrays) {
    const auto& values = (*content.training).*(array.values);
    if (!values.empty()) require_size(file, array.name, values.size(), element_count(content));
    require_finite(file, array.name, values, content);
  }
  const std::vector<float>& spread = content.training->spread;
  if (!spread.empty()) require_size(file, kSpread, spread.size(), content.feature_dim);
  for (const float one : spread) {
    if (one > 0 && std::isfinite(one)) continue;
    throw io::ModelFileError(fmt::format("{}:{}: found {}; expected positive numbers; go back to an earlier checkpoint",
                                         file.string(), kSpread, one));
  }
}

template <typename T>
T required(std::optional<T> value, const char* name) {
  if (!value) {
    io::ArchiveContent::refuse(
        fmt::format(":training:attribute {}: found none; expected a number; go back to another checkpoint", name));
  }
  return *value;
}

/// An array [C,K,F]; the first one read says what C, K and F are.
std::vector<float> read_array(const io::ArchiveContent& file, const char* group, const char* name,
                              ModelContent& content) {
  io::ArchiveContent::Array array = file.array(group, name, 3, "three dimensions, [C,K,F]");
  if (content.classes == 0) {
    content.classes = array.shape[0];
    content.steps = array.shape[1];
    content.feature_dim = array.shape[2];
  }
  if (array.shape != shape_of(content)) {
    io::ArchiveContent::refuse(fmt::format(":{}: found shape {}; expected {} as centroids; make the model again", name,
                                           io::shape_text(array.shape), io::shape_text(shape_of(content))));
  }
  return std::move(array.values);
}

TrainingState read_training(const io::ArchiveContent& file, ModelContent& content) {
  TrainingState training;
  for (const auto& count : kTrainingCounts)
    training.*(count.value) = required(file.integer(kTraining, count.name), count.name);
  for (const auto& real : kTrainingReals) training.*(real.value) = required(file.real(kTraining, real.name), real.name);
  for (const auto& real : kMilestoneReals)
    training.*(real.value) = file.real(kTraining, real.name).value_or(TrainingState::kNotSaid);
  for (const auto& seed : kTrainingSeeds)
    training.*(seed.value) = required(file.unsigned_integer(kTraining, seed.name), seed.name);
  for (const auto& array : kTrainingArrays) {
    if (file.has(kTraining, array.name)) training.*(array.values) = read_array(file, kTraining, array.name, content);
  }
  if (file.has(kTraining, kSpread)) training.spread = file.array(kTraining, kSpread, 1, "one dimension, [F]").values;
  return training;
}

void read_content(const io::ArchiveContent& file, ModelContent& content) {
  content.centroids = read_array(file, "", "centroids", content);
  content.log_weights = read_array(file, "", "log_weights", content);
  content.class_names = file.texts("", "class_names");
  content.diagonal = file.integer("", "diagonal").value_or(0) != 0;
  content.slope = file.integer("", "slope").value_or(0) != 0;
  content.validated_on = file.text("", "validated_on").value_or("");
  content.held_out = file.unsigned_integer("", "held_out").value_or(0);
  content.epoch = file.integer("", "epoch").value_or(-1);
  content.val_top1 = file.real("", "val_top1").value_or(0);
  content.val_top5 = file.real("", "val_top5").value_or(0);
  content.config = file.text("", "config").value_or("");
  if (file.has("", kTraining)) content.training = read_training(file, content);
  file.require_digest(kDigest, digest_of_arrays(content));
  file.require_digest(kHeaderDigest, digest_of_header(content));
}

/// What a model file holds, in its order. The entries refer to `content`.
std::vector<io::ArchiveEntry> entries_of(const ModelContent& content) {
  using Array = io::ArchiveEntry::Array;
  using Attribute = io::ArchiveEntry::Attribute;
  std::vector<io::ArchiveEntry> entries{
      {"", "centroids", Array{shape_of(content), content.centroids}},
      {"", "log_weights", Array{shape_of(content), content.log_weights}},
      {"", "class_names", io::ArchiveEntry::Texts(content.class_names)},
  };
  if (content.training) {
    const TrainingState& training = *content.training;
    const auto add = [&](const char* name, auto value) { entries.push_back({kTraining, name, Attribute(value)}); };
    for (const auto& count : kTrainingCounts) add(count.name, training.*(count.value));
    for (const auto& real : kTrainingReals) add(real.name, training.*(real.value));
    for (const auto& seed : kTrainingSeeds) add(seed.name, training.*(seed.value));
    for (const auto& real : kMilestoneReals) {
      if (!std::isnan(training.*(real.value))) add(real.name, training.*(real.value));
    }
    for (const auto& array : kTrainingArrays) {
      const std::vector<float>& values = training.*(array.values);
      if (!values.empty()) entries.push_back({kTraining, array.name, Array{shape_of(content), values}});
    }
    if (!training.spread.empty())
      entries.push_back({kTraining, kSpread, Array{{content.feature_dim}, training.spread}});
  }
  const auto add = [&](const char* name, const Attribute& value) { entries.push_back({"", name, value}); };
  add("format", std::string(kFormat.name));
  add("version", kFormat.version);
  add("diagonal", std::int64_t{content.diagonal});
  if (content.slope) add("slope", std::int64_t{content.slope});
  if (!content.validated_on.empty()) add("validated_on", content.validated_on);
  if (content.held_out != 0) add("held_out", content.held_out);
  add("epoch", content.epoch);
  add("val_top1", content.val_top1);
  add("val_top5", content.val_top5);
  add("config", content.config);
  add(kDigest, digest_of_arrays(content));
  add(kHeaderDigest, digest_of_header(content));
  return entries;
}

}  // namespace

void write_model(const std::filesystem::path& file, const ModelContent& content) {
  check(file, content);
  io::write_archive(file, entries_of(content));
}

std::string model_bytes(const std::filesystem::path& name, const ModelContent& content) {
  check(name, content);
  return io::archive_bytes(entries_of(content));
}

std::uint64_t digest_of(const ModelContent& content) {
  io::Digest digest;
  digest.add(digest_of_arrays(content));
  digest.add(digest_of_header(content));
  return digest.value();
}

ModelContent read_model(const std::filesystem::path& file) {
  ModelContent content;
  io::read_archive(file, kFormat, [&](const io::ArchiveContent& archive) { read_content(archive, content); });
  check(file, content);
  return content;
}

}  // namespace alignment::dejavid
