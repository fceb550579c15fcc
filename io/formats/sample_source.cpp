#include "io/formats/sample_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"

namespace alignment::io {
namespace {

void require_finite(const SourceSample& sample, std::int64_t feature_dim) {
  const auto bad =
      std::find_if(sample.features.begin(), sample.features.end(), [](float value) { return !std::isfinite(value); });
  if (bad == sample.features.end()) return;
  const auto place = bad - sample.features.begin();
  throw NotFiniteError(
      fmt::format("{}: found {} at step {}, feature {}; expected finite numbers; mend or drop the sample, or say "
                  "--data.bad_samples skip",
                  sample.origin, *bad, place / feature_dim, place % feature_dim));
}

/// Whether the sample's steps are all equal.
bool is_still(const std::vector<float>& features, std::int64_t feature_dim) {
  return std::equal(features.begin() + feature_dim, features.end(), features.begin());
}

/// Which features have always been the same. Most drop out at the second step, so looking costs little.
class ConstantFeatures {
 public:
  void look(const std::vector<float>& features, std::int64_t feature_dim) {
    if (first_step_.empty()) {
      first_step_.assign(features.begin(), features.begin() + feature_dim);
      left_.resize(first_step_.size());
      std::iota(left_.begin(), left_.end(), std::size_t{0});
    }
    for (auto step = features.begin(); step != features.end() && !left_.empty(); step += feature_dim) {
      std::erase_if(left_, [&](std::size_t feature) {
        return step[static_cast<std::ptrdiff_t>(feature)] != first_step_[feature];
      });
    }
  }
  [[nodiscard]] FirstFew list() const {
    FirstFew list;
    for (const std::size_t feature : left_) list.add(feature);
    return list;
  }

 private:
  std::vector<float> first_step_;
  std::vector<std::size_t> left_;
};

}  // namespace

StoreTotals write_store(SampleSource& source, const std::filesystem::path& file, const TseWriterOptions& options,
                        const std::string& encoder, std::int64_t logits, NotFiniteSamples not_finite,
                        const std::function<void()>& advance) {
  TseStoreHeader header = source.header();
  if (!encoder.empty()) {
    header.encoder = encoder;
  }
  if (logits != 0) header.logits = logits;
  StoreTotals totals;
  totals.classes = static_cast<std::int64_t>(header.class_names.size());
  totals.feature_dim = header.feature_dim;

  TseWriter writer(file, header, options);
  SourceSample sample;
  ConstantFeatures constant;
  for (std::int64_t index = 0; index < source.sample_count(); ++index, advance()) {
    try {
      source.next(sample);
      require_finite(sample, header.feature_dim);
    } catch (const NotFiniteError& bad) {
      if (not_finite == NotFiniteSamples::kRefuse) throw;
      const std::string_view message = bad.what();
      totals.left_out.add(message.substr(0, message.find(';')));
      continue;
    }
    writer.append({.id = sample.id,
                   .label = sample.label,
                   .split = sample.split,
                   .features = sample.features,
                   .frame_labels = sample.frame_labels,
                   .timestamps = sample.timestamps,
                   .origin = sample.origin});
    const auto length = static_cast<std::int64_t>(sample.features.size()) / header.feature_dim;
    totals.shortest = totals.steps == 0 ? length : std::min(totals.shortest, length);
    totals.longest = std::max(totals.longest, length);
    totals.steps += length;
    if (length > 1 && is_still(sample.features, header.feature_dim)) totals.still_samples.add(printable(sample.id));
    constant.look(sample.features, header.feature_dim);
    ++totals.samples_of_split[static_cast<std::size_t>(sample.split)];
  }
  if (totals.steps == 0 && totals.left_out.count() > 0) {
    throw NotFiniteError(
        fmt::format("found only samples that are not finite ({}); expected at least one to write; mend "
                    "the input",
                    totals.left_out.text()));
  }
  writer.finish();
  if (totals.steps > 1) totals.constant_features = constant.list();
  totals.faint = writer.faint_features();
  totals.bytes = std::filesystem::file_size(file);
  return totals;
}

}  // namespace alignment::io
