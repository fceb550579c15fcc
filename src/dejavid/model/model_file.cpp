#include "src/dejavid/model/model_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "io/archive.hpp"
#include "io/errors.hpp"
#include "src/dejavid/model/training_fields.hpp"

namespace alignment::dejavid {
namespace {

constexpr io::ArchiveFormat kFormat{"dejavid-model", 1, "model file", "a model file or checkpoint"};
constexpr const char* kTraining = "training";  ///< the group of what only checkpoints have
constexpr const char* kDigest = "digest";
constexpr const char* kHeaderDigest = "header_digest";

std::vector<std::int64_t> shape_of(const ModelContent& content) {
  return {content.classes, content.steps, content.feature_dim};
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
  content.encoder = file.text("", "encoder").value_or("");
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
  if (!content.encoder.empty()) add("encoder", content.encoder);
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

ModelContent read_model(const std::filesystem::path& file) {
  ModelContent content;
  io::read_archive(file, kFormat, [&](const io::ArchiveContent& archive) { read_content(archive, content); });
  check(file, content);
  return content;
}

}  // namespace alignment::dejavid
