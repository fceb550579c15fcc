#include "io/formats/sample_source.hpp"

#include <algorithm>

namespace dejavid::io {

StoreTotals write_store(SampleSource& source, const std::filesystem::path& file, const TseWriterOptions& options,
                        const std::string& encoder, const std::function<void()>& advance) {
  TseStoreHeader header = source.header();
  if (!encoder.empty()) {
    header.encoder = encoder;
  }
  StoreTotals totals;
  totals.classes = static_cast<std::int64_t>(header.class_names.size());
  totals.feature_dim = header.feature_dim;

  TseWriter writer(file, header, options);
  SourceSample sample;
  for (std::int64_t index = 0; index < source.sample_count(); ++index) {
    source.next(sample);
    writer.append({.id = sample.id,
                   .label = sample.label,
                   .split = sample.split,
                   .features = sample.features,
                   .frame_labels = sample.frame_labels,
                   .timestamps = sample.timestamps});
    const auto length = static_cast<std::int64_t>(sample.features.size()) / header.feature_dim;
    totals.shortest = index == 0 ? length : std::min(totals.shortest, length);
    totals.longest = std::max(totals.longest, length);
    totals.steps += length;
    ++totals.samples_of_split[static_cast<std::size_t>(sample.split)];
    advance();
  }
  writer.finish();
  totals.faint = writer.faint_features();
  totals.bytes = std::filesystem::file_size(file);
  return totals;
}

}  // namespace dejavid::io
