#include "io/store/tse_writer.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <unordered_set>

#include "io/bytes/digest.hpp"
#include "io/bytes/half_float.hpp"
#include "io/bytes/repeated_name.hpp"
#include "io/bytes/utf8.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/hdf5/output.hpp"
#include "io/store/store_file.hpp"

namespace alignment::io {

struct TseWriter::State {
  std::filesystem::path path;
  TseStoreHeader header;
  TseWriterOptions options;
  DurableFile durable;
  hdf5::Handle file, half_type;
  hdf5::GrowingRows features;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> labels, frame_labels;
  std::vector<std::uint8_t> splits;
  std::vector<std::string> ids;
  std::unordered_set<std::string> known;
  std::vector<std::uint64_t> digests;
  std::vector<double> timestamps;
  std::vector<std::uint16_t> half;                          ///< scratch: one sample, narrowed
  std::vector<float> peaks, losses;                         ///< [F] in f16: the largest magnitude, and rounding error
  bool with_frame_labels = false, with_timestamps = false;  ///< as the first sample has them
  bool usable = true;                                       ///< false once finished, or once HDF5 failed

  State(std::filesystem::path path_given, TseStoreHeader header_given, TseWriterOptions options_given)
      : path(std::move(path_given)),
        header(std::move(header_given)),
        options(options_given),
        durable(path, options.replace ? DurableFile::Existing::kReplace : DurableFile::Existing::kRefuse) {}

  [[nodiscard]] std::string where(const TseSample& sample) const {
    if (!sample.origin.empty()) return std::string(sample.origin);
    return fmt::format("{}:features:sample {} ({})", path.string(), labels.size(), printable(sample.id));
  }
  void check(const TseSample& sample) const;
  [[nodiscard]] StoreIndex index() const;
  [[nodiscard]] const void* narrowed(const TseSample& sample);

  /// Calls `work` under HDF5's lock; a failure becomes a WriteError that names the file, and ends the writer.
  template <typename Work>
  void writing(Work&& work) {
    if (!usable) throw std::logic_error("a TseWriter was used after finish() or after it had failed");
    usable = false;
    try {
      const hdf5::LibraryLock lock(path);
      work();
    } catch (const hdf5::Refusal& refusal) {
      throw WriteError(path.string() + refusal.what());
    }
    usable = true;
  }
};

StoreIndex TseWriter::State::index() const {
  StoreIndex index{header.feature_dim, header.class_names, offsets, labels,       {}, ids, digests,
                   header.encoder,     header.source,      {},      header.logits};
  index.splits.reserve(splits.size());
  for (const std::uint8_t split : splits) index.splits.push_back(static_cast<Split>(split));
  return index;
}

void TseWriter::State::check(const TseSample& sample) const {
  const auto refuse = [&](const std::string& why) {
    throw StoreError(fmt::format("{}: {}; mend or leave out the sample", where(sample), why));
  };
  const auto dim = static_cast<std::size_t>(header.feature_dim);
  if (sample.features.empty() || sample.features.size() % dim != 0) {
    refuse(fmt::format("found {} numbers; expected at least one step of {} features", sample.features.size(), dim));
  }
  const std::size_t steps = sample.features.size() / dim;
  const auto classes = static_cast<std::int64_t>(header.class_names.size());
  if (sample.label >= classes || (sample.label < 0 && !(header.unlabelled && sample.label == kNoLabel)))
    refuse(fmt::format("found label {}; expected 0 to {}", sample.label, classes - 1));
  if (static_cast<int>(sample.split) > 2)
    refuse(fmt::format("found split {}; expected 0 to 2", static_cast<int>(sample.split)));
  if (known.contains(sample.id)) refuse("found its id a second time; expected every id once");
  if (!is_utf8(sample.id) || sample.id.find('\0') != std::string::npos)
    refuse("found an id that is no text; expected UTF-8");
  const auto check_steps = [&](std::size_t given, bool expected, const char* what) {
    if (given == (expected ? steps : 0)) return;
    refuse(fmt::format("found {} {}; expected {}", given, what,
                       expected ? fmt::format("{}, one a step", steps) : "none, as for the first sample"));
  };
  const bool first = labels.empty();
  check_steps(sample.frame_labels.size(), first ? !sample.frame_labels.empty() : with_frame_labels, "frame labels");
  check_steps(sample.timestamps.size(), first ? !sample.timestamps.empty() : with_timestamps, "timestamps");
  if (const auto wrong = wrong_phase(sample.frame_labels, header.phase_names.size())) refuse(*wrong);
  const float largest = options.feature_type == FeatureType::kFloat16 ? 65519.996F : std::numeric_limits<float>::max();
  for (std::size_t n = 0; n < sample.features.size(); ++n) {
    const float value = sample.features[n];
    if (!(std::fabs(value) <= largest)) {
      throw NotFiniteError(fmt::format(
          "{}: found {} at step {}, feature {}; expected finite numbers{}; mend or leave out the sample", where(sample),
          value, n / dim, n % dim, std::isfinite(value) ? " that f16 can hold (up to 65504)" : ""));
    }
  }
  for (std::size_t step = 0; step < sample.timestamps.size(); ++step) {
    if (!std::isfinite(sample.timestamps[step])) {
      throw NotFiniteError(
          fmt::format("{}: found timestamp {} at step {}; expected finite seconds; mend or leave out the sample",
                      where(sample), sample.timestamps[step], step));
    }
  }
}

const void* TseWriter::State::narrowed(const TseSample& sample) {
  if (options.feature_type == FeatureType::kFloat32) return sample.features.data();
  half.resize(sample.features.size());
  std::transform(sample.features.begin(), sample.features.end(), half.begin(), narrow_to_half);
  const auto dim = static_cast<std::size_t>(header.feature_dim);
  peaks.resize(dim);
  losses.resize(dim);
  for (std::size_t first = 0; first < half.size(); first += dim) {
    for (std::size_t f = 0; f < dim; ++f) {
      const float value = sample.features[first + f];
      peaks[f] = std::max(peaks[f], std::fabs(value));
      losses[f] = std::max(losses[f], std::fabs(value - widen_half(half[first + f])));
    }
  }
  return half.data();
}

TseWriter::TseWriter(std::filesystem::path file, TseStoreHeader header, TseWriterOptions options) {
  const auto refuse = [&](const std::string& why) {
    throw StoreError(fmt::format("{}: {}; mend the source", file.string(), why));
  };
  if (header.feature_dim < 1) refuse(fmt::format("found {} features a step; expected at least 1", header.feature_dim));
  if (header.class_names.empty() && !header.unlabelled) refuse("found no class; expected at least one");
  if (const auto repeated = repeated_name(header.class_names)) {
    refuse(fmt::format("found the class name \"{}\" twice; expected every name once", printable(*repeated)));
  }
  if (const auto classes = static_cast<std::int64_t>(header.class_names.size());
      !fits_logits(header.logits, classes, header.feature_dim)) {
    refuse(fmt::format("found {} logits in a step; expected {} or a multiple of it, one a class, among its {} features",
                       header.logits, classes, header.feature_dim));
  }
  const auto is_text = [](const std::string& text) { return is_utf8(text) && text.find('\0') == std::string::npos; };
  if (!std::all_of(header.class_names.begin(), header.class_names.end(), is_text))
    refuse("found a class name that is no text; expected UTF-8");
  if (!std::all_of(header.phase_names.begin(), header.phase_names.end(), is_text))
    refuse("found the name of a phase that is no text; expected UTF-8");
  if (const auto repeated = repeated_name(header.phase_names)) {
    refuse(fmt::format("found the phase name \"{}\" twice; expected every name once", printable(*repeated)));
  }
  if (!is_text(header.encoder) || !is_text(header.source))
    refuse("found an encoder or source that is no text; expected UTF-8");
  if (options.gzip_level < 0 || options.gzip_level > 9)
    refuse(fmt::format("found gzip level {}; expected 0 to 9", options.gzip_level));
  state_ = std::make_unique<State>(std::move(file), std::move(header), options);
  state_->writing([&] {
    state_->file = hdf5::create_file(state_->durable.temporary());
    state_->half_type = hdf5::float16_type();
    const hid_t type = options.feature_type == FeatureType::kFloat16 ? state_->half_type.get() : H5T_IEEE_F32LE;
    state_->features =
        hdf5::create_rows(state_->file, "features", type, state_->header.feature_dim, options.gzip_level);
  });
}

TseWriter::~TseWriter() = default;

void TseWriter::append(const TseSample& sample) {
  auto& state = *state_;
  state.check(sample);
  const auto steps = static_cast<std::int64_t>(sample.features.size()) / state.header.feature_dim;
  const bool half = state.options.feature_type == FeatureType::kFloat16;
  const void* stored = state.narrowed(sample);
  state.writing(
      [&] { hdf5::append_rows(state.features, half ? state.half_type.get() : H5T_IEEE_F32LE, steps, stored); });
  if (state.labels.empty()) {
    state.with_frame_labels = !sample.frame_labels.empty();
    state.with_timestamps = !sample.timestamps.empty();
  }
  state.digests.push_back(XXH64(stored, sample.features.size() * (half ? sizeof(std::uint16_t) : sizeof(float)), 0));
  state.offsets.push_back(state.offsets.back() + steps);
  state.labels.push_back(sample.label);
  state.splits.push_back(static_cast<std::uint8_t>(sample.split));
  state.ids.push_back(sample.id);
  state.known.insert(sample.id);
  state.frame_labels.insert(state.frame_labels.end(), sample.frame_labels.begin(), sample.frame_labels.end());
  state.timestamps.insert(state.timestamps.end(), sample.timestamps.begin(), sample.timestamps.end());
}

FaintFeatures TseWriter::faint_features() const {
  constexpr float kHalfPrecision = 0x1p-11F;  // what rounding takes from the numbers that f16 is for, at most
  FaintFeatures faint;
  for (std::size_t f = state_->peaks.size(); f-- > 0;) {
    if (!(state_->losses[f] > kHalfPrecision * state_->peaks[f])) continue;
    ++faint.count;
    faint.first = static_cast<std::int64_t>(f);
    faint.largest = state_->peaks[f];
  }
  return faint;
}

void TseWriter::finish() {
  auto& state = *state_;
  if (state.labels.empty()) {
    throw StoreError(fmt::format("{}: found no samples; expected at least one; check the source", state.path.string()));
  }
  if (const FaintFeatures faint = faint_features(); faint.count == state.header.feature_dim) {
    throw StoreError(fmt::format(
        "{}:features: found no feature that f16 holds with its own precision (feature 0 is at most {:.3g}); expected "
        "values of at least 6e-05; store f32, or scale the features",
        state.path.string(), faint.largest));
  }
  state.writing([&] {
    const auto& file = state.file;
    const auto samples = static_cast<std::int64_t>(state.labels.size());
    hdf5::write_dataset(file, "offsets", H5T_STD_I64LE, H5T_NATIVE_INT64, {samples + 1}, state.offsets.data());
    hdf5::write_dataset(file, "labels", H5T_STD_I32LE, H5T_NATIVE_INT32, {samples}, state.labels.data());
    hdf5::write_dataset(file, "split", H5T_STD_U8LE, H5T_NATIVE_UINT8, {samples}, state.splits.data());
    hdf5::write_dataset(file, "digests", H5T_STD_U64LE, H5T_NATIVE_UINT64, {samples}, state.digests.data());
    hdf5::write_texts(file, "ids", state.ids);
    if (!state.header.class_names.empty()) hdf5::write_texts(file, "class_names", state.header.class_names);
    const std::int64_t rows = state.offsets.back();
    if (state.with_frame_labels) {
      hdf5::write_dataset(file, "frame_labels", H5T_STD_I32LE, H5T_NATIVE_INT32, {rows}, state.frame_labels.data());
      hdf5::write_attribute_of(file, "frame_labels", kDigestAttribute, digest_of(state.frame_labels));
    }
    if (!state.header.phase_names.empty()) {
      hdf5::write_texts(file, "phase_names", state.header.phase_names);
      hdf5::write_attribute_of(file, "phase_names", kDigestAttribute, digest_of_names(state.header.phase_names));
    }
    if (state.with_timestamps) {
      hdf5::write_dataset(file, "timestamps", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, {rows}, state.timestamps.data());
      hdf5::write_attribute_of(file, "timestamps", kDigestAttribute, digest_of(state.timestamps));
    }
    hdf5::write_attribute(file, "format", std::string(kStoreFormat));
    hdf5::write_attribute(file, "version", kStoreVersion);
    hdf5::write_attribute(file, "feature_dim", state.header.feature_dim);
    hdf5::write_attribute(file, "num_classes", static_cast<std::int64_t>(state.header.class_names.size()));
    hdf5::write_attribute(file, "encoder", state.header.encoder);
    hdf5::write_attribute(file, "source", state.header.source);
    if (state.header.logits > 0) hdf5::write_attribute(file, kLogitsAttribute, state.header.logits);
    if (std::find(state.labels.begin(), state.labels.end(), kNoLabel) != state.labels.end()) {
      hdf5::write_attribute(file, kUnlabelledAttribute, std::int64_t{1});
    }
    hdf5::write_attribute(file, kIndexDigestAttribute, state.index().digest());
    hdf5::flush(file);
    hdf5::finish_rows(state.features);
    hdf5::write_attribute(file, "complete", std::int64_t{1});
    hdf5::close(state.file);
  });
  state.durable.commit();
  state.usable = false;
}

}  // namespace alignment::io
