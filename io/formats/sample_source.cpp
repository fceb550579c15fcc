#include "io/formats/sample_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

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
    ++totals.samples_of_split[static_cast<std::size_t>(sample.split)];
  }
  if (totals.steps == 0 && totals.left_out.count() > 0) {
    throw NotFiniteError(
        fmt::format("found only samples that are not finite ({}); expected at least one to write; mend "
                    "the input",
                    totals.left_out.text()));
  }
  writer.finish();
  totals.faint = writer.faint_features();
  totals.bytes = std::filesystem::file_size(file);
  return totals;
}

}  // namespace alignment::io
