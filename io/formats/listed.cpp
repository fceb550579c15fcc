#include "io/formats/listed.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/feature_files.hpp"

namespace alignment::io {
namespace {

class ListedSource : public SampleSource {
 public:
  ListedSource(const std::filesystem::path& manifest, std::optional<double> rate, AbsentFiles absent)
      : rate_(rate), manifest_(read_manifest(manifest, "the sample's features", SharedFiles::kAllow, absent)) {
    header_.class_names = manifest_.class_names;
    header_.unlabelled = manifest_.has_unlabelled();
    label_of_name_ = labels_of(header_.class_names);
    const ManifestEntry& first = manifest_.entries.front();
    header_.feature_dim = files_.feature_dim(first.file, first.id);
    header_.source = as_utf8(manifest.filename().string());
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return std::ssize(manifest_.entries); }

  [[nodiscard]] std::vector<std::string> notes() const override {
    const FirstFew& left_out = manifest_.left_out;
    if (left_out.count() == 0) return {};
    return {fmt::format("left out {} of {} samples, whose files are not there: {}", left_out.count(),
                        left_out.count() + manifest_.entries.size(), left_out.text())};
  }
  [[nodiscard]] std::vector<std::string> closing_notes() const override { return files_.notes(); }

  void next(SourceSample& sample) override {
    const ManifestEntry& entry = manifest_.entries[position_++];
    sample.id = entry.id;
    sample.origin = fmt::format("{} (id '{}', {})", entry.file.string(), excerpt(entry.id), manifest_.where(entry));
    FeatureMatrix matrix = files_.read(entry.file, entry.id);
    if (matrix.feature_dim != header_.feature_dim) {
      throw StoreError(fmt::format("{}: found {} features; expected {} as in {}; all samples need the same number",
                                   entry.file.string(), matrix.feature_dim, header_.feature_dim,
                                   manifest_.entries.front().file.string()));
    }
    sample.label = entry.label.empty() ? kNoLabel : label_of_name_.at(entry.label);
    sample.split = entry.split;
    sample.features = std::move(matrix.values);
    if (!rate_) return;
    sample.timestamps.clear();
    for (std::int64_t step = 0; step < matrix.steps; ++step) {
      sample.timestamps.push_back(static_cast<double>(step) / *rate_);
    }
  }

 private:
  std::optional<double> rate_;
  Manifest manifest_;
  FeatureFiles files_;
  TseStoreHeader header_;
  std::unordered_map<std::string, std::int32_t> label_of_name_;
  std::size_t position_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> open_listed(const std::filesystem::path& manifest, std::optional<double> rate,
                                          AbsentFiles absent) {
  return std::make_unique<ListedSource>(manifest, rate, absent);
}

}  // namespace alignment::io
