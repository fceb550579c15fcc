#include "io/formats/labelled.hpp"

#include <utility>

#include "io/store/store_check.hpp"
#include "io/store/tse_store.hpp"

namespace alignment::io {
namespace {

class StoreSource : public LabelledSource {
 public:
  StoreSource(const std::filesystem::path& store, const std::filesystem::path& labels,
              const std::vector<std::string>& phases, UnnamedSamples unnamed)
      : store_({store}), labels_(read_frame_labels(labels, store_, phases, unnamed)) {
    const StoreSummary summary = summarize_store(store);
    header_ = {.feature_dim = summary.feature_dim,
               .class_names = summary.class_names,
               .encoder = summary.encoder,
               .source = summary.source,
               .logits = summary.logits,
               .unlabelled = true,  // where any sample is
               .phase_names = labels_.phase_names};
    features_ = {.feature_type = summary.feature_type, .gzip_level = summary.gzip_level};
    frames_.resize(labels_.phase_names.size());
    for (const auto& sample : labels_.of_samples) {
      for (const std::int32_t phase : sample) {
        if (phase < 0) {
          ++without_;
          continue;
        }
        const auto at = static_cast<std::size_t>(phase);
        // Numbers without names may be anything: what is counted is bounded, what is stored is not.
        constexpr std::size_t kMostCounted = 1000;
        if (at >= frames_.size() && at < kMostCounted) frames_.resize(at + 1);
        if (at < frames_.size()) ++frames_[at];
      }
    }
  }

  [[nodiscard]] const TseStoreHeader& header() const override { return header_; }
  [[nodiscard]] std::int64_t sample_count() const override { return store_.sample_count(); }
  [[nodiscard]] TseWriterOptions features() const override { return features_; }
  [[nodiscard]] const std::vector<std::int64_t>& frames_of_phases() const override { return frames_; }
  [[nodiscard]] std::int64_t frames_without_phase() const override { return without_; }
  [[nodiscard]] std::int64_t samples_named() const override { return labels_.named; }
  [[nodiscard]] std::int64_t other_samples() const override { return labels_.others; }

  void next(SourceSample& sample) override {
    const std::int64_t index = position_++;
    sample.id = store_.id(index);
    sample.origin = store_.describe(index);
    sample.label = store_.label(index);
    sample.split = store_.split(index);
    sample.features.resize(static_cast<std::size_t>(store_.length(index) * header_.feature_dim));
    store_.read_sample(index, sample.features.data());
    sample.frame_labels = labels_.of_samples[static_cast<std::size_t>(index)];
    if (store_.has_timestamps()) sample.timestamps = store_.read_timestamps(index);
  }

 private:
  TseStore store_;
  FrameLabels labels_;
  TseStoreHeader header_;
  TseWriterOptions features_;
  std::vector<std::int64_t> frames_;
  std::int64_t without_ = 0, position_ = 0;
};

}  // namespace

std::unique_ptr<LabelledSource> open_labelled(const std::filesystem::path& store, const std::filesystem::path& labels,
                                              const std::vector<std::string>& phases, UnnamedSamples unnamed) {
  return std::make_unique<StoreSource>(store, labels, phases, unnamed);
}

}  // namespace alignment::io
