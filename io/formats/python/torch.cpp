#include "io/formats/python/torch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <variant>

#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/python/tensor_files.hpp"
#include "io/formats/text/id_table.hpp"
#include "io/formats/text/manifest.hpp"
#include "io/formats/whole_file.hpp"
#include "io/store/splits.hpp"

namespace alignment::io {
namespace {

struct Entry {
  std::string id;
  std::int32_t label = 0;
  Split split = Split::kTrain;
  std::filesystem::path file;
};

void check_same_ids(const IdTable& one, const IdTable& other) {
  for (const std::string& id : one.ids) {
    if (!other.values.contains(id)) {
      throw StoreError(
          fmt::format("{}: found no id '{}'; expected it as it is in {}; the three dicts must name the same samples",
                      other.file.string(), excerpt(id), one.file.string()));
    }
  }
}

/// The class of every id: labels are integers or names throughout.
std::unordered_map<std::string, std::string> classes_of(const IdTable& labels) {
  const bool named = std::holds_alternative<std::string>(labels.values.at(labels.ids.front()));
  std::unordered_map<std::string, std::string> classes;
  for (const std::string& id : labels.ids) {
    if (named && labels.text(id, "label").empty()) {
      throw StoreError(fmt::format("{}:{}: found an empty label; expected the name of its class; fill it",
                                   labels.file.string(), excerpt(id)));
    }
    classes.emplace(id, named ? labels.text(id, "label") : std::to_string(labels.integer(id, "label")));
  }
  return classes;
}

class TorchSource : public SampleSource {
 public:
  explicit TorchSource(const TorchInput& input) {
    if (!std::filesystem::is_directory(input.features)) {
      throw StoreError(
          fmt::format("{}: found no such folder; expected the folder of the tensor files; check --features",
                      input.features.string()));
    }
    const IdTable splits = read_id_table(input.splits), labels = read_id_table(input.labels),
                  files = read_id_table(input.files);
    for (const IdTable* other : {&labels, &files}) {
      check_same_ids(splits, *other);
      check_same_ids(*other, splits);
    }
    const std::unordered_map<std::string, std::string> classes = classes_of(labels);
    std::set<std::string> names;
    for (const auto& [id, name] : classes) names.insert(name);
    header_.class_names = class_order(names);
    const auto label_of_name = labels_of(header_.class_names);
    for (const std::string& id : splits.ids) {
      entries_.push_back({.id = id,
                          .label = label_of_name.at(classes.at(id)),
                          .split = split_of(splits, id),
                          .file = input.features / files.text(id, "file name")});
      if (!names_a_file(entries_.back().file)) {
        throw StoreError(fmt::format("{}:{}: found no file {}; expected the sample's tensor; check --features",
                                     files.file.string(), excerpt(id), printable(entries_.back().file.string())));
      }
    }
    const Entry& first = entries_.front();
    header_.feature_dim = files_.open(first.file, first.id).feature_dim(first.id);
    header_.source = as_utf8(input.features.lexically_normal().string());
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return static_cast<std::int64_t>(entries_.size()); }

  void next(SourceSample& sample) override {
    const Entry& entry = entries_[position_++];
    sample.id = entry.id;
    const TensorFile& file = files_.open(entry.file, entry.id);
    sample.origin = file.where(entry.id);
    FeatureMatrix matrix = file.read(entry.id);
    if (matrix.feature_dim != header_.feature_dim) {
      throw StoreError(
          fmt::format("{}:{}: found {} features; expected {} as sample '{}' has; all samples need the same number",
                      entry.file.string(), excerpt(entry.id), matrix.feature_dim, header_.feature_dim,
                      excerpt(entries_.front().id)));
    }
    sample.label = entry.label;
    sample.split = entry.split;
    sample.features = std::move(matrix.values);
  }

 private:
  static Split split_of(const IdTable& splits, const std::string& id) {
    const std::string& word = splits.text(id, "split");
    const std::optional<Split> split = parse_split(word);
    if (!split) {
      throw StoreError(fmt::format("{}:{}: found the split '{}'; expected train, val, validation or test; correct it",
                                   splits.file.string(), excerpt(id), excerpt(word)));
    }
    return *split;
  }

  TseStoreHeader header_;
  std::vector<Entry> entries_;
  TensorFiles files_;
  std::size_t position_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> open_torch(const TorchInput& input) {
  return std::make_unique<TorchSource>(input);
}

}  // namespace alignment::io
