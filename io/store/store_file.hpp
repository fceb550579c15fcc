#pragma once

// Private to io: one TSE store file, opened and checked. TseStore makes one of several.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/errors.hpp"
#include "io/hdf5/crash_guard.hpp"
#include "io/hdf5/input.hpp"
#include "io/store/store_part.hpp"
#include "io/store/tse_writer.hpp"

namespace alignment::io {

inline constexpr const char* kStoreFormat = "dejavid-tse";
inline constexpr std::int64_t kStoreVersion = 1;
inline constexpr const char* kIndexDigestAttribute = "index_digest";
/// Set to 1 where samples may have the label -1, none: without it a -1 is a mistake.
inline constexpr const char* kUnlabelledAttribute = "unlabelled";
/// How many of a step's last features are the encoder's logits: one a class, in the order of class_names, and all of
/// them again for every further window that the step stands for.
inline constexpr const char* kLogitsAttribute = "logits";
/// Of a dataset with a number a step, or of the names of phases.
inline constexpr const char* kDigestAttribute = "digest";
/// Paths count steps in 32 bits.
inline constexpr std::int64_t kMostSteps = INT32_MAX;

/// Calls `work` under HDF5's lock; what it refuses becomes a StoreError that names the file.
template <typename Work>
auto naming(const std::filesystem::path& file, Work&& work) {
  try {
    const hdf5::LibraryLock lock(file);
    const CrashGuard guard(file, GuardedFile::kStore);
    return work();
  } catch (const hdf5::Refusal& refusal) {
    throw StoreError(file.string() + refusal.what());
  }
}

/// XXH64 of the names of phases, each with its length: the attribute `digest` of /phase_names.
[[nodiscard]] std::uint64_t digest_of_names(const std::vector<std::string>& names);

/// "found phase 7 at step 3; expected ..." of the first of a sample's frame labels that is none where phases have so
/// many names; without names every number from -1, none, on is one.
[[nodiscard]] std::optional<std::string> wrong_phase(std::span<const std::int32_t> labels, std::size_t names);

/// What tells whether a file is still the one that was opened.
struct FileFacts {
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  std::int64_t modified_ns = 0;
  [[nodiscard]] static FileFacts of(const std::filesystem::path& file);
  [[nodiscard]] bool operator==(const FileFacts&) const = default;
};

/// Not thread-safe, but for its use of HDF5, which takes turns with all others. Throws StoreError, NotFiniteError.
class StoreFile final : public StorePart {
 public:
  explicit StoreFile(std::filesystem::path file);
  ~StoreFile() override;

  [[nodiscard]] std::string name() const override { return path_.string(); }
  [[nodiscard]] std::string describe(std::int64_t sample) const override { return describe(sample, "features"); }

  void read_halves(std::int64_t sample, std::uint16_t* destination) override;
  void require_unchanged() const override;
  [[nodiscard]] bool has_half_precision() const override { return half_precision_; }
  [[nodiscard]] bool has_frame_labels() const override { return frame_labels_.has_value(); }
  [[nodiscard]] bool has_timestamps() const override { return timestamps_.has_value(); }
  [[nodiscard]] std::vector<std::int32_t> read_frame_labels(std::int64_t sample) override;
  [[nodiscard]] std::vector<double> read_timestamps(std::int64_t sample) override;

  [[nodiscard]] FeatureType feature_type() const {
    return half_precision_ ? FeatureType::kFloat16 : FeatureType::kFloat32;
  }
  [[nodiscard]] const hdf5::Dataset& features() const { return features_; }
  [[nodiscard]] std::uint64_t bytes() const { return static_cast<std::uint64_t>(facts_.bytes); }

 private:
  void open();
  /// Gives all back to HDF5, which may crash over a damaged file then, too.
  void close();
  void read_index(const hdf5::Handle& root);
  void open_features(const hdf5::Handle& root);
  void check_index() const;
  void check_whole(const hdf5::Dataset& dataset, hid_t type, bool& checked) const;
  [[nodiscard]] std::string describe(std::int64_t sample, std::string_view dataset) const;
  /// [T,F] in the width of the store; checks the digest of a sample that has not been checked yet.
  void read_stored(std::int64_t sample, void* destination);
  void read_content(std::int64_t sample, float* destination) override;
  [[nodiscard]] std::string mending() const override;
  [[nodiscard]] std::string scaling() const override;
  /// Rows of one sample as `memory_type`, bytes as stored.
  void read_rows(const hdf5::Dataset& dataset, std::int64_t sample, hid_t memory_type, void* destination) const;

  std::filesystem::path path_;
  FileFacts facts_;
  hdf5::Handle file_, half_type_;
  hdf5::Dataset features_;
  std::optional<hdf5::Dataset> frame_labels_, timestamps_;
  bool frame_labels_checked_ = false, timestamps_checked_ = false;
  bool half_precision_ = false;
  std::vector<std::uint16_t> half_;  ///< scratch: one sample as stored
  std::vector<float> widened_;       ///< scratch: the same as f32
};

}  // namespace alignment::io
