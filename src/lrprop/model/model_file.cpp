#include "src/lrprop/model/model_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "io/archive.hpp"
#include "io/bytes/digest.hpp"
#include "io/errors.hpp"

namespace alignment::lrprop {
namespace {

constexpr io::ArchiveFormat kFormat{"lrprop-model", 1, "model file", "a model file or checkpoint of lrprop_dist"};
constexpr const char* kWeights = "weights";
constexpr const char* kTraining = "training";  ///< the group of what only checkpoints have
constexpr const char* kDigest = "digest";
constexpr const char* kPairsPerStep = "pairs_per_step";

constexpr std::int64_t kMostWidth = std::int64_t{1} << 24, kMostLayers = 1000;

struct NamedExtent {
  const char* name;
  std::int64_t EncoderSizes::*value;
  std::int64_t least, most = kMostWidth;
};
constexpr std::array<NamedExtent, 8> kExtents{{
    {"feature_dim", &EncoderSizes::feature_dim, 1},
    {"fc_width", &EncoderSizes::fc_width, 1},
    {"hidden", &EncoderSizes::hidden, 2},
    {"heads", &EncoderSizes::heads, 1},
    {"ff_width", &EncoderSizes::ff_width, 1},
    {"layers", &EncoderSizes::layers, 0, kMostLayers},
    {"embedding", &EncoderSizes::embedding, 1},
    {"train_frames", &EncoderSizes::train_frames, 2},
}};

struct NamedCount {
  const char* name;
  std::int64_t Course::*value;
};
constexpr std::array<NamedCount, 4> kCounts{{
    {"epoch", &Course::epoch},
    {"step", &Course::step},
    {"step_in_epoch", &Course::step_in_epoch},
    {"epoch_pairs", &Course::epoch_samples},
}};

struct NamedSeed {
  const char* name;
  std::uint64_t Course::*value;
};
constexpr std::array<NamedSeed, 2> kSeeds{
    {{"order_seed", &Course::order_seed}, {"store_identity", &Course::store_identity}}};

struct NamedEpoch {
  const char* name;
  EpochScores Course::*value;
};
constexpr std::array<NamedEpoch, 2> kEpochs{{{"last", &Course::last}, {"best", &Course::best}}};

std::uint64_t digest_of_training(const TrainingState& training) {
  io::Digest digest;
  for (const auto& count : kCounts) digest.add(training.course.*(count.value));
  for (const auto& seed : kSeeds) digest.add(training.course.*(seed.value));
  digest.add(training.course.epoch_sums);
  for (const auto& epoch : kEpochs) {
    const EpochScores& scores = training.course.*(epoch.value);
    digest.add(scores.epoch);
    digest.add(scores.train);
    digest.add(scores.validation);
    digest.add(std::int64_t{scores.validated});
  }
  digest.add(training.pairs_per_step);
  digest.add(training.first_moment);
  digest.add(training.second_moment);
  return digest.value();
}

void require_finite(const std::filesystem::path& file, const std::string& dataset, const std::vector<float>& values,
                    std::size_t first, std::size_t count) {
  for (std::size_t n = first; n < first + count; ++n) {
    if (std::isfinite(values[n])) continue;
    throw io::NotFiniteError(
        fmt::format("{}:{}: found {} at number {}; expected finite numbers; go back to an earlier checkpoint",
                    file.string(), dataset, values[n], n - first));
  }
}

/// Calls `visit(array, first)` for arrays that lie one after the other.
template <typename Visit>
void for_arrays(const std::vector<ArrayShape>& arrays, const Visit& visit) {
  std::int64_t first = 0;
  for (const ArrayShape& array : arrays) {
    visit(array, static_cast<std::size_t>(first));
    first += array.count();
  }
}

void check(const std::filesystem::path& file, const ModelContent& content) {
  const auto finite = [&](const std::vector<float>& values) {
    return [&](const ArrayShape& array, std::size_t first) {
      require_finite(file, "weights/" + array.name, values, first, static_cast<std::size_t>(array.count()));
    };
  };
  for_arrays(weight_arrays(content.sizes), finite(content.weights));
  for_arrays(statistic_arrays(content.sizes), finite(content.statistics));
  require_finite(file, "feature_mean", content.feature_mean, 0, content.feature_mean.size());
  require_finite(file, "feature_scale", content.feature_scale, 0, content.feature_scale.size());
}

/// Refuses what features and channels cannot be divided by.
void check_divisors(const std::filesystem::path& file, const ModelContent& content) {
  const auto refuse = [&](const std::string& dataset, float found, std::size_t at, const char* expected) {
    throw io::ModelFileError(fmt::format("{}:{}: found {} at number {}; expected {}; make the model again",
                                         file.string(), dataset, found, at, expected));
  };
  for (std::size_t n = 0; n < content.feature_scale.size(); ++n) {
    if (!(content.feature_scale[n] > 0)) refuse("feature_scale", content.feature_scale[n], n, "numbers above 0");
  }
  for_arrays(statistic_arrays(content.sizes), [&](const ArrayShape& array, std::size_t first) {
    if (array.name.find(".running_var") == std::string::npos) return;
    for (std::size_t n = 0; n < static_cast<std::size_t>(array.count()); ++n) {
      const float found = content.statistics[first + n];
      if (found < 0) refuse("weights/" + array.name, found, n, "variances of at least 0");
    }
  });
}

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
    const std::int64_t found = required(file.integer("", extent.name), extent.name);
    if (found < extent.least || found > extent.most) {
      io::ArchiveContent::refuse(
          fmt::format(":attribute {}: found {}; expected {} to {}", extent.name, found, extent.least, extent.most));
    }
    sizes.*(extent.value) = found;
  }
  if (sizes.heads < 1 || sizes.hidden % sizes.heads != 0 || sizes.hidden % 2 != 0) {
    io::ArchiveContent::refuse(
        fmt::format(":attribute hidden: found {} with {} heads; expected an even multiple", sizes.hidden, sizes.heads));
  }
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

std::uint64_t digest_of_model(const ModelContent& content) {
  io::Digest digest;
  for (const auto& extent : kExtents) digest.add(content.sizes.*(extent.value));
  digest.add(content.dropout);
  digest.add(content.weights);
  digest.add(content.statistics);
  digest.add(content.feature_mean);
  digest.add(content.feature_scale);
  digest.add(content.epoch);
  digest.add(content.config.data(), content.config.size());
  if (content.training) digest.add(digest_of_training(*content.training));
  return digest.value();
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
  if (file.has("", kTraining)) content.training = read_training(file, content.sizes);
  file.require_digest(kDigest, digest_of_model(content));
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
  add(kDigest, digest_of_model(content));
  io::write_archive(file, entries);
}

std::uint64_t digest_of(const ModelContent& content) {
  return digest_of_model(content);
}

ModelContent read_model(const std::filesystem::path& file) {
  ModelContent content;
  io::read_archive(file, kFormat, [&](const io::ArchiveContent& archive) { content = read_content(archive); });
  check(file, content);
  check_divisors(file, content);
  return content;
}

}  // namespace alignment::lrprop
