#include "src/lrprop/model/model_file.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "io/archive.hpp"
#include "io/errors.hpp"
#include "src/lrprop/model/model_fields.hpp"

namespace alignment::lrprop {
namespace {

constexpr io::ArchiveFormat kFormat{"lrprop-model", 1, "model file", "a model file or checkpoint of lrprop_dist"};
constexpr const char* kWeights = "weights";
constexpr const char* kTraining = "training";  ///< the group of what only checkpoints have
constexpr const char* kDigest = "digest";
constexpr const char* kPairsPerStep = "pairs_per_step";

template <typename T>
T required(std::optional<T> value, const std::string& name) {
  if (!value) {
    io::ArchiveContent::refuse(fmt::format(":attribute {}: found none; expected a number; write it there", name));
  }
  return *value;
}

EncoderSizes read_sizes(const io::ArchiveContent& file) {
  EncoderSizes sizes;
  for (const NamedExtent& extent : kExtents) {
    sizes.*(extent.value) = required(file.integer("", extent.name), extent.name);
  }
  if (const std::string wrong = wrong_sizes(sizes); !wrong.empty()) io::ArchiveContent::refuse(wrong);
  return sizes;
}

/// The arrays of /weights in one piece.
std::vector<float> read_arrays(const io::ArchiveContent& file, const std::vector<ArrayShape>& arrays) {
  std::vector<float> values;
  for (const ArrayShape& array : arrays) {
    if (!file.has(kWeights, array.name.c_str())) {
      io::ArchiveContent::refuse(
          fmt::format(":weights: found no {}; expected an array of shape {}", array.name, io::shape_text(array.shape)));
    }
    const io::ArchiveContent::Array found =
        file.array(kWeights, array.name.c_str(), array.shape.size(),
                   array.shape.size() == 2 ? "two dimensions, [out,in]" : "one dimension");
    if (found.shape != array.shape) {
      io::ArchiveContent::refuse(fmt::format(":weights/{}: found shape {}; expected {} by the file's attributes",
                                             array.name, io::shape_text(found.shape), io::shape_text(array.shape)));
    }
    values.insert(values.end(), found.values.begin(), found.values.end());
  }
  return values;
}

std::vector<float> read_row(const io::ArchiveContent& file, const char* group, const char* name, std::int64_t count) {
  io::ArchiveContent::Array array = file.array(group, name, 1, "one dimension");
  if (array.shape.front() != count) {
    io::ArchiveContent::refuse(
        fmt::format(":{}: found {} numbers; expected {}; make the model again", name, array.shape.front(), count));
  }
  return std::move(array.values);
}

/// Numbers of an epoch or a sum, as attributes NAME_0, NAME_1 ...
Scores read_scores(const io::ArchiveContent& file, const std::string& name) {
  const std::int64_t count = file.integer(kTraining, (name + "_count").c_str()).value_or(0);
  constexpr std::int64_t kMost = 64;
  if (count < 0 || count > kMost) {
    io::ArchiveContent::refuse(
        fmt::format(":training:attribute {}_count: found {}; expected 0 to {}", name, count, kMost));
  }
  Scores scores(static_cast<std::size_t>(count), 0.0);
  for (std::size_t n = 0; n < scores.size(); ++n) {
    const std::string numbered = fmt::format("{}_{}", name, n);
    scores[n] = required(file.real(kTraining, numbered.c_str()), "training/" + numbered);
  }
  return scores;
}

TrainingState read_training(const io::ArchiveContent& file, const EncoderSizes& sizes) {
  TrainingState training;
  Course& course = training.course;
  for (const auto& count : kCounts)
    course.*(count.value) = required(file.integer(kTraining, count.name), std::string("training/") + count.name);
  for (const auto& seed : kSeeds)
    course.*(seed.value) = required(file.unsigned_integer(kTraining, seed.name), std::string("training/") + seed.name);
  for (const auto& identity : kIdentities) training.*(identity.value) = file.unsigned_integer(kTraining, identity.name);
  training.pairs_per_step = required(file.integer(kTraining, kPairsPerStep), std::string("training/") + kPairsPerStep);
  course.epoch_sums = read_scores(file, "epoch_sum");
  for (const auto& epoch : kEpochs) {
    const std::string name = epoch.name;
    EpochScores& scores = course.*(epoch.value);
    scores.epoch = required(file.integer(kTraining, (name + "_epoch").c_str()), "training/" + name + "_epoch");
    scores.validated = file.integer(kTraining, (name + "_validated").c_str()).value_or(0) != 0;
    scores.train = read_scores(file, name + "_train");
    scores.validation = read_scores(file, name + "_validation");
  }
  const std::int64_t trained = trained_count(weight_arrays(sizes));
  training.first_moment = read_row(file, kTraining, "first_moment", trained);
  training.second_moment = read_row(file, kTraining, "second_moment", trained);
  return training;
}

ModelContent read_content(const io::ArchiveContent& file) {
  ModelContent content;
  content.sizes = read_sizes(file);
  content.dropout = file.real("", "dropout").value_or(ModelContent::kNotSaid);
  content.weights = read_arrays(file, weight_arrays(content.sizes));
  content.statistics = read_arrays(file, statistic_arrays(content.sizes));
  if (file.has("", "feature_mean")) {
    content.feature_mean = read_row(file, "", "feature_mean", content.sizes.feature_dim);
    content.feature_scale = read_row(file, "", "feature_scale", content.sizes.feature_dim);
  }
  content.epoch = file.integer("", "epoch").value_or(-1);
  content.config = file.text("", "config").value_or("");
  content.encoder = file.text("", "encoder").value_or("");
  if (file.has("", kTraining)) content.training = read_training(file, content.sizes);
  file.require_digest(kDigest, digest_of(content));
  return content;
}

}  // namespace

void write_model(const std::filesystem::path& file, const ModelContent& content) {
  check(file, content);
  using Array = io::ArchiveEntry::Array;
  using Attribute = io::ArchiveEntry::Attribute;
  const std::vector<ArrayShape> weights = weight_arrays(content.sizes), statistics = statistic_arrays(content.sizes);
  std::vector<std::string> names;  // what entries refer to stays
  names.reserve(256);
  std::vector<io::ArchiveEntry> entries;
  const auto add_arrays = [&](const std::vector<ArrayShape>& arrays, const std::vector<float>& values) {
    for_arrays(arrays, [&](const ArrayShape& array, std::size_t first) {
      entries.push_back(
          {kWeights, array.name.c_str(),
           Array{array.shape, std::span(values).subspan(first, static_cast<std::size_t>(array.count()))}});
    });
  };
  add_arrays(weights, content.weights);
  add_arrays(statistics, content.statistics);
  const auto add_row = [&](const char* group, const char* name, const std::vector<float>& values) {
    entries.push_back({group, name, Array{{static_cast<std::int64_t>(values.size())}, values}});
  };
  if (!content.feature_mean.empty()) {
    add_row("", "feature_mean", content.feature_mean);
    add_row("", "feature_scale", content.feature_scale);
  }
  if (content.training) {
    const Course& course = content.training->course;
    const auto add = [&](std::string name, Attribute value) {
      if (names.size() == names.capacity()) throw io::WriteError("a checkpoint has more scores than it has room for");
      names.push_back(std::move(name));
      entries.push_back({kTraining, names.back().c_str(), std::move(value)});
    };
    const auto add_scores = [&](const std::string& name, const Scores& scores) {
      add(name + "_count", static_cast<std::int64_t>(scores.size()));
      for (std::size_t n = 0; n < scores.size(); ++n) add(fmt::format("{}_{}", name, n), scores[n]);
    };
    for (const auto& count : kCounts) add(count.name, course.*(count.value));
    for (const auto& seed : kSeeds) add(seed.name, course.*(seed.value));
    for (const auto& identity : kIdentities) {
      if (const auto& value = (*content.training).*(identity.value)) add(identity.name, *value);
    }
    add(kPairsPerStep, content.training->pairs_per_step);
    add_scores("epoch_sum", course.epoch_sums);
    for (const auto& epoch : kEpochs) {
      const std::string name = epoch.name;
      const EpochScores& scores = course.*(epoch.value);
      add(name + "_epoch", scores.epoch);
      add(name + "_validated", std::int64_t{scores.validated});
      add_scores(name + "_train", scores.train);
      add_scores(name + "_validation", scores.validation);
    }
    add_row(kTraining, "first_moment", content.training->first_moment);
    add_row(kTraining, "second_moment", content.training->second_moment);
  }
  const auto add = [&](const char* name, const Attribute& value) { entries.push_back({"", name, value}); };
  add("format", std::string(kFormat.name));
  add("version", kFormat.version);
  for (const auto& extent : kExtents) add(extent.name, content.sizes.*(extent.value));
  add("dropout", content.dropout);
  add("epoch", content.epoch);
  add("config", content.config);
  if (!content.encoder.empty()) add("encoder", content.encoder);
  add(kDigest, digest_of(content));
  io::write_archive(file, entries);
}

ModelContent read_model(const std::filesystem::path& file) {
  ModelContent content;
  io::read_archive(file, kFormat, [&](const io::ArchiveContent& archive) { content = read_content(archive); });
  check(file, content);
  return content;
}

}  // namespace alignment::lrprop
