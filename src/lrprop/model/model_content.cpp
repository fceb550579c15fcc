#include "src/lrprop/model/model_content.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/bytes/digest.hpp"
#include "io/errors.hpp"
#include "src/lrprop/model/model_fields.hpp"

namespace alignment::lrprop {
namespace {

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
  for (const auto& identity : kIdentities) {
    if (const auto& value = training.*(identity.value)) {
      digest.add(std::string(identity.name));
      digest.add(*value);
    }
  }
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

void check_finite(const std::filesystem::path& file, const ModelContent& content) {
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

void require_count(const std::filesystem::path& file, const char* what, std::size_t found, std::int64_t expected) {
  if (found == static_cast<std::size_t>(expected)) return;
  throw io::ModelFileError(fmt::format("{}:{}: found {} numbers; expected {}; give content of matching shapes",
                                       file.string(), what, found, expected));
}

}  // namespace

std::uint64_t digest_of(const ModelContent& content) {
  io::Digest digest;
  for (const auto& extent : kExtents) digest.add(content.sizes.*(extent.value));
  digest.add(content.dropout);
  digest.add(content.weights);
  digest.add(content.statistics);
  digest.add(content.feature_mean);
  digest.add(content.feature_scale);
  digest.add(content.epoch);
  digest.add(content.config.data(), content.config.size());
  if (!content.encoder.empty()) digest.add(content.encoder);
  if (content.training) digest.add(digest_of_training(*content.training));
  return digest.value();
}

std::string wrong_sizes(const EncoderSizes& sizes) {
  for (const NamedExtent& extent : kExtents) {
    const std::int64_t found = sizes.*(extent.value);
    if (found >= extent.least && found <= extent.most) continue;
    return fmt::format(":attribute {}: found {}; expected {} to {}", extent.name, found, extent.least, extent.most);
  }
  if (sizes.hidden % sizes.heads == 0 && sizes.hidden % 2 == 0) return "";
  return fmt::format(":attribute hidden: found {} with {} heads; expected an even multiple", sizes.hidden, sizes.heads);
}

void check(const std::filesystem::path& file, const ModelContent& content) {
  require_count(file, "weights", content.weights.size(), element_count(weight_arrays(content.sizes)));
  require_count(file, "running statistics", content.statistics.size(), element_count(statistic_arrays(content.sizes)));
  const std::int64_t scaled = content.feature_mean.empty() ? 0 : content.sizes.feature_dim;
  require_count(file, "feature_mean", content.feature_mean.size(), scaled);
  require_count(file, "feature_scale", content.feature_scale.size(), scaled);
  check_finite(file, content);
  check_divisors(file, content);
}

}  // namespace alignment::lrprop
