#include "io/store/memory_samples.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "io/store/store_part.hpp"

namespace alignment::io {
namespace {

class MemoryPart final : public StorePart {
 public:
  explicit MemoryPart(MemorySamples samples) : name_(std::move(samples.name)), rows_(std::move(samples.rows)) {
    const std::size_t count = rows_.size();
    if (count == 0 || samples.feature_dim < 1 || samples.lengths.size() != count || samples.labels.size() != count) {
      throw std::invalid_argument("samples in memory: found arrays of different sizes; expected one entry a sample");
    }
    StoreIndex index;
    index.feature_dim = samples.feature_dim;
    index.class_names = std::move(samples.class_names);
    index.labels = std::move(samples.labels);
    index.splits.assign(count, Split::kTrain);
    index.offsets.push_back(0);
    const auto classes = static_cast<std::int32_t>(index.class_names.size());
    for (std::size_t n = 0; n < count; ++n) {
      if (samples.lengths[n] < 1 || samples.lengths[n] > INT32_MAX || index.labels[n] < kNoLabel ||
          index.labels[n] >= classes) {
        throw std::invalid_argument(fmt::format("{}: found {} steps of class {}; expected 1 to {} of one of {} classes",
                                                called(n), samples.lengths[n], index.labels[n], INT32_MAX, classes));
      }
      index.offsets.push_back(index.offsets.back() + samples.lengths[n]);
      index.ids.push_back(called(n));
    }
    set_index(std::move(index));
  }

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string describe(std::int64_t sample) const override {
    return called(static_cast<std::size_t>(sample));
  }
  void read_halves(std::int64_t, std::uint16_t*) override { throw std::logic_error("halves of samples in memory"); }
  void require_unchanged() const override {}
  [[nodiscard]] bool has_half_precision() const override { return false; }
  [[nodiscard]] bool has_frame_labels() const override { return false; }
  [[nodiscard]] bool has_timestamps() const override { return false; }
  [[nodiscard]] std::vector<std::int32_t> read_frame_labels(std::int64_t) override { return {}; }
  [[nodiscard]] std::vector<double> read_timestamps(std::int64_t) override { return {}; }

 private:
  void read_content(std::int64_t sample, float* destination) override {
    std::copy_n(rows_[static_cast<std::size_t>(sample)], element_count(sample), destination);
  }
  [[nodiscard]] std::string mending() const override { return "mend or leave out the sample"; }
  [[nodiscard]] std::string scaling() const override { return "scale the features down"; }
  [[nodiscard]] std::string called(std::size_t sample) const { return fmt::format("{}[{}]", name_, sample); }

  std::string name_;
  std::vector<const float*> rows_;
};

}  // namespace

TseStore store_of(MemorySamples samples) {
  std::vector<std::unique_ptr<StorePart>> parts;
  parts.push_back(std::make_unique<MemoryPart>(std::move(samples)));
  return TseStore(std::move(parts));
}

}  // namespace alignment::io
