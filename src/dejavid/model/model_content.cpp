#include "src/dejavid/model/model_content.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/bytes/digest.hpp"
#include "io/bytes/repeated_name.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "src/dejavid/model/training_fields.hpp"

namespace alignment::dejavid {
namespace {

std::int64_t element_count(const ModelContent& content) {
  return content.classes * content.steps * content.feature_dim;
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

}  // namespace

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

std::uint64_t digest_of_header(const ModelContent& content) {
  io::Digest digest;
  for (const auto& name : content.class_names) digest.add(name);
  digest.add(std::int64_t{content.diagonal});
  if (content.slope) digest.add(std::int64_t{content.slope});  // files of before have neither
  if (!content.validated_on.empty()) digest.add(content.validated_on);
  if (content.held_out != 0) digest.add(content.held_out);
  if (!content.encoder.empty()) digest.add(content.encoder);
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

std::uint64_t digest_of(const ModelContent& content) {
  io::Digest digest;
  digest.add(digest_of_arrays(content));
  digest.add(digest_of_header(content));
  return digest.value();
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
  if (const auto repeated = io::repeated_name(content.class_names)) {
    throw io::ModelFileError(
        fmt::format("{}:class_names: found \"{}\" twice; expected every name once; make the model again", file.string(),
                    io::printable(*repeated)));
  }
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

}  // namespace alignment::dejavid
