#include "io/formats/python/torch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/formats/python/torch_tensors.hpp"
#include "io/formats/text/id_table.hpp"
#include "io/formats/text/text.hpp"
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
    std::map<std::int64_t, std::int32_t> contiguous;
    for (const std::string& id : labels.ids) {
      contiguous.emplace(labels.integer(id, "label"), 0);
    }
    for (auto& [original, label] : contiguous) {
      label = static_cast<std::int32_t>(header_.class_names.size());
      header_.class_names.push_back(std::to_string(original));
    }
    for (const std::string& id : splits.ids) {
      entries_.push_back({.id = id,
                          .label = contiguous.at(labels.integer(id, "label")),
                          .split = split_of(splits, id),
                          .file = input.features / files.text(id, "file name")});
      if (!names_a_file(entries_.back().file)) {
        throw StoreError(fmt::format("{}:{}: found no file {}; expected the sample's tensor; check --features",
                                     files.file.string(), excerpt(id), printable(entries_.back().file.string())));
      }
    }
    std::optional<TensorFile> one;
    header_.feature_dim = file_of(entries_.front(), one).feature_dim(entries_.front().id);
    header_.source = as_utf8(input.features.lexically_normal().string());
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return static_cast<std::int64_t>(entries_.size()); }

  void next(SourceSample& sample) override {
    const Entry& entry = entries_[position_++];
    sample.id = entry.id;
    std::optional<TensorFile> one;
    const TensorFile& file = file_of(entry, one);
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

  /// The file that holds the entry's tensor. Ids need not be grouped by file, so what is known of files of several
  /// tensors stays; `one` keeps a file of a single one.
  const TensorFile& file_of(const Entry& entry, std::optional<TensorFile>& one) {
    const std::string name = entry.file.string();
    auto known = files_.find(name);
    if (known == files_.end()) {
      one.emplace(entry.file);
      if (one->holds_one()) return *one;
      known = files_.emplace(name, std::move(*one)).first;
    }
    if (!known->second.contains(entry.id)) {
      throw StoreError(fmt::format(
          "{}: found a dict of {} tensors without the id '{}'; expected it there; check the dict of file names", name,
          known->second.count(), excerpt(entry.id)));
    }
    return known->second;
  }

  TseStoreHeader header_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, TensorFile> files_;  ///< those of several tensors, by path
  std::size_t position_ = 0;
};

}  // namespace

std::unique_ptr<SampleSource> open_torch(const TorchInput& input) {
  return std::make_unique<TorchSource>(input);
}

}  // namespace alignment::io
