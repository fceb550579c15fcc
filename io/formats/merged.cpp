#include "io/formats/merged.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "io/store/encoder_names.hpp"
#include "io/store/store_check.hpp"
#include "io/store/tse_store.hpp"

namespace alignment::io {
namespace {

/// The distinct sources, in order of first appearance.
std::string joined_sources(const std::vector<StoreSummary>& stores) {
  std::vector<std::string> distinct;
  for (const StoreSummary& store : stores) {
    if (!store.source.empty() && std::find(distinct.begin(), distinct.end(), store.source) == distinct.end()) {
      distinct.push_back(store.source);
    }
  }
  return fmt::format("{}", fmt::join(distinct, " + "));
}

/// True where all stores have times, false where none has.
bool all_or_none_have_times(const std::vector<StoreSummary>& stores) {
  const auto has = [](const StoreSummary& store) { return store.has_timestamps; };
  const auto lacking = std::find_if_not(stores.begin(), stores.end(), has);
  const auto having = std::find_if(stores.begin(), stores.end(), has);
  if (lacking != stores.end() && having != stores.end()) {
    throw StoreError(
        fmt::format("{}: found no /timestamps; expected them as {} has them; add them to the one or remove them from "
                    "the other",
                    lacking->file.string(), having->file.string()));
  }
  return lacking == stores.end();
}

class StoresSource : public MergedSource {
 public:
  explicit StoresSource(const std::vector<std::filesystem::path>& files) : store_(files, ClassMatching::kUnion) {
    std::vector<StoreSummary> stores;
    stores.reserve(files.size());
    for (const auto& file : files) {
      stores.push_back(summarize_store(file));
    }
    header_.feature_dim = store_.feature_dim();
    header_.class_names = store_.class_names();
    header_.encoder = text_of_encoders(store_.encoders());
    header_.source = joined_sources(stores);
    header_.unlabelled = true;  // where any sample is
    note_classes(stores);
    header_.phase_names = store_.phase_names();
    note_phases(stores);
    timestamps_ = all_or_none_have_times(stores);
    all_float16_ = std::all_of(stores.begin(), stores.end(),
                               [](const StoreSummary& store) { return store.feature_type == FeatureType::kFloat16; });
    std::unordered_map<std::string_view, std::int64_t> first;
    for (std::int64_t sample = 0; sample < store_.sample_count(); ++sample) {
      const auto [known, fresh] = first.emplace(store_.id(sample), sample);
      if (!fresh) {
        throw StoreError(fmt::format("{}: found an id that {} has too; expected every id once; do the stores overlap?",
                                     store_.describe(sample), store_.describe(known->second)));
      }
    }
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return store_.sample_count(); }
  [[nodiscard]] std::vector<std::string> notes() const override { return notes_; }
  [[nodiscard]] bool all_float16() const override { return all_float16_; }
  [[nodiscard]] std::string describe_files() const override { return store_.describe_files(); }

  void next(SourceSample& sample) override {
    const std::int64_t index = position_++;
    sample.id = store_.id(index);
    sample.origin = store_.describe(index);
    sample.label = store_.label(index);
    sample.split = store_.split(index);
    sample.features.resize(static_cast<std::size_t>(store_.length(index) * header_.feature_dim));
    store_.read_sample(index, sample.features.data());
    if (store_.has_frame_labels()) {
      sample.frame_labels = store_.read_frame_labels(index);
    }
    if (timestamps_) {
      sample.timestamps = store_.read_timestamps(index);
    }
  }

 private:
  /// Says which classes not every store has, and keeps the word about logits where it goes for all samples.
  void note_classes(const std::vector<StoreSummary>& stores) {
    for (const StoreSummary& store : stores) {
      FirstFew missing;
      for (const std::string& name : header_.class_names) {
        if (std::find(store.class_names.begin(), store.class_names.end(), name) == store.class_names.end()) {
          missing.add(printable(name));
        }
      }
      if (missing.count() == 0) continue;
      notes_.push_back(fmt::format("{}: has {} of the {} classes of all stores together; not {}", store.file.string(),
                                   store.class_names.size(), header_.class_names.size(), missing.text()));
    }
    const auto fits = [&](const StoreSummary& store) {
      return store.logits > 0 && store.logits == stores.front().logits && store.class_names == header_.class_names;
    };
    if (std::all_of(stores.begin(), stores.end(), fits)) {
      header_.logits = stores.front().logits;
    } else if (std::any_of(stores.begin(), stores.end(), [](const StoreSummary& store) { return store.logits > 0; })) {
      notes_.emplace_back(
          "not all stores hold logits of the same classes in the same order, so the merged one does not say that it "
          "holds any");
    }
  }

  /// Says which stores' frames get no phase beside others that have some.
  void note_phases(const std::vector<StoreSummary>& stores) {
    if (!store_.has_frame_labels()) return;
    for (const StoreSummary& store : stores) {
      if (store.has_frame_labels) continue;
      notes_.push_back(fmt::format("{}: has no /frame_labels; its frames get -1, no phase", store.file.string()));
    }
  }

  TseStore store_;
  std::vector<std::string> notes_;
  TseStoreHeader header_;
  bool timestamps_ = false, all_float16_ = false;
  std::int64_t position_ = 0;
};

}  // namespace

std::unique_ptr<MergedSource> open_merged(const std::vector<std::filesystem::path>& files) {
  return std::make_unique<StoresSource>(files);
}

}  // namespace alignment::io
