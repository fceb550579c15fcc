#include "io/formats/python/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/python/npy_file.hpp"
#include "io/formats/splits.hpp"
#include "io/formats/text/csv.hpp"
#include "io/formats/text/text.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::io {
namespace {

enum Column : std::size_t { kId, kFile, kLabel, kSplit, kColumns };
const std::vector<std::string_view> kColumnNames = {"id", "file", "label", "split"};

struct Entry {
  std::string id;
  std::filesystem::path file;
  std::string label;
  Split split = Split::kTrain;
  std::string where;  ///< the manifest and the line there
};

using Columns = std::array<std::optional<std::size_t>, kColumns>;

/// Where each column stands in the records; a manifest of samples to be told apart may have none of labels.
Columns find_columns(const std::filesystem::path& manifest, const CsvRecord& header) {
  Columns found;
  for (std::size_t field = 0; field < header.fields.size(); ++field) {
    const std::string_view name = trim(header.fields[field]);
    const auto column = std::find(kColumnNames.begin(), kColumnNames.end(), name);
    if (column == kColumnNames.end()) {
      throw StoreError(fmt::format("{}:line {}: found the column '{}'; expected id, file, label, split; nearest: '{}'",
                                   manifest.string(), header.line, excerpt(name), nearest(name, kColumnNames)));
    }
    auto& place = found[static_cast<std::size_t>(column - kColumnNames.begin())];
    if (place) {
      throw StoreError(fmt::format("{}:line {}: found the column '{}' twice; expected it once; remove one",
                                   manifest.string(), header.line, name));
    }
    place = field;
  }
  for (std::size_t column = 0; column < kColumns; ++column) {
    if (!found[column] && column != kLabel) {
      throw StoreError(fmt::format("{}:line {}: found no column '{}'; expected id, file, label, split; add it",
                                   manifest.string(), header.line, kColumnNames[column]));
    }
  }
  return found;
}

/// The distinct labels in class order: as numbers where every one is an integer, else as text.
std::vector<std::string> class_order(const std::vector<Entry>& entries) {
  std::set<std::string> names;
  for (const Entry& entry : entries) {
    if (!entry.label.empty()) names.insert(entry.label);
  }
  std::vector<std::string> sorted(names.begin(), names.end());
  long long ignored = 0;
  if (std::all_of(sorted.begin(), sorted.end(),
                  [&](const std::string& name) { return parse_integer(name, ignored); })) {
    std::stable_sort(sorted.begin(), sorted.end(), [](const std::string& left, const std::string& right) {
      long long left_value = 0, right_value = 0;
      return parse_integer(left, left_value) && parse_integer(right, right_value) && left_value < right_value;
    });
  }
  return sorted;
}

class NpySource : public SampleSource {
 public:
  explicit NpySource(const std::filesystem::path& manifest) {
    const std::vector<CsvRecord> records = read_csv(manifest);
    if (records.size() < 2) {
      throw StoreError(
          fmt::format("{}: found no samples; expected a line id,file,label,split and one line a sample; fill it",
                      manifest.string()));
    }
    const auto columns = find_columns(manifest, records.front());
    std::unordered_map<std::string, std::int64_t> line_of_id;
    for (std::size_t row = 1; row < records.size(); ++row) {
      Entry entry = read_entry(manifest, records[row], columns, records.front().fields.size());
      const auto [first, fresh] = line_of_id.emplace(entry.id, records[row].line);
      if (!fresh) {
        throw StoreError(
            fmt::format("{}: found the id '{}' again, first in line {}; expected every id once; rename or "
                        "remove one",
                        entry.where, excerpt(entry.id), first->second));
      }
      entries_.push_back(std::move(entry));
    }
    header_.class_names = class_order(entries_);
    header_.unlabelled =
        std::any_of(entries_.begin(), entries_.end(), [](const Entry& one) { return one.label.empty(); });
    for (std::size_t label = 0; label < header_.class_names.size(); ++label) {
      label_of_name_[header_.class_names[label]] = static_cast<std::int32_t>(label);
    }
    header_.feature_dim = read_npy_feature_dim(entries_.front().file);
    header_.source = as_utf8(manifest.filename().string());
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return static_cast<std::int64_t>(entries_.size()); }

  void next(SourceSample& sample) override {
    const Entry& entry = entries_[position_++];
    sample.id = entry.id;
    sample.origin = fmt::format("{} (id '{}', {})", entry.file.string(), excerpt(entry.id), entry.where);
    FeatureMatrix matrix = read_npy(entry.file);
    if (matrix.feature_dim != header_.feature_dim) {
      throw StoreError(fmt::format("{}: found {} features; expected {} as in {}; all samples need the same number",
                                   entry.file.string(), matrix.feature_dim, header_.feature_dim,
                                   entries_.front().file.string()));
    }
    sample.label = entry.label.empty() ? kNoLabel : label_of_name_.at(entry.label);
    sample.split = entry.split;
    sample.features = std::move(matrix.values);
  }

 private:
  static Entry read_entry(const std::filesystem::path& manifest, const CsvRecord& record, const Columns& columns,
                          std::size_t expected) {
    const std::string where = fmt::format("{}:line {}", manifest.string(), record.line);
    if (record.fields.size() != expected) {
      throw StoreError(
          fmt::format("{}: found {} fields; expected {} as in the first line; quote a field that holds a comma", where,
                      record.fields.size(), expected));
    }
    const auto field = [&](Column column) {
      const std::string_view text = columns[column] ? trim(record.fields[*columns[column]]) : std::string_view();
      if (text.empty() && column != kLabel) {
        throw StoreError(fmt::format("{}: found an empty {}; expected a value; fill it", where, kColumnNames[column]));
      }
      return std::string(text);
    };
    const std::string split = field(kSplit);
    const std::optional<Split> parsed = parse_split(split);
    if (!parsed) {
      throw StoreError(fmt::format("{}: found the split '{}'; expected train, val, validation or test; correct it",
                                   where, excerpt(split)));
    }
    Entry entry{.id = field(kId),
                .file = manifest.parent_path() / field(kFile),
                .label = field(kLabel),
                .split = *parsed,
                .where = where};
    if (entry.label.empty() && entry.split == Split::kTrain) {
      throw StoreError(
          fmt::format("{}: found an empty label of a training sample; expected its class; fill it, or give the sample "
                      "another split",
                      where));
    }
    for (const Column column : {kId, kLabel}) {
      const std::string& text = column == kId ? entry.id : entry.label;
      if (!is_utf8(text) || text.find('\0') != std::string::npos) {
        throw StoreError(
            fmt::format("{}: found the {} in an encoding that is not UTF-8; expected UTF-8; save the "
                        "manifest as UTF-8",
                        where, kColumnNames[column]));
      }
    }
    if (!names_a_file(entry.file)) {
      throw StoreError(fmt::format(
          "{}: found no file {}; expected the sample's .npy, seen from the manifest's folder; check the path", where,
          printable(entry.file.string())));
    }
    return entry;
  }

  TseStoreHeader header_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::int32_t> label_of_name_;
  std::size_t position_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> open_npy(const std::filesystem::path& manifest) {
  return std::make_unique<NpySource>(manifest);
}

}  // namespace alignment::io
