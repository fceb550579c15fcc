#pragma once

// Private to io: what a TseStore is made of.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

/// Everything but the features. Entry n of offsets, labels, splits, ids and digests belongs to sample n of this file.
struct StoreIndex {
  std::int64_t feature_dim = 0;
  std::vector<std::string> class_names;
  std::vector<std::int64_t> offsets;  ///< [N+1]
  std::vector<std::int32_t> labels;   ///< kNoLabel where the file has unlabelled samples
  std::vector<Split> splits;
  std::vector<std::string> ids;
  std::vector<std::uint64_t> digests;  ///< empty where the file has none
  std::string encoder, source;
  /// [P] names of the frame labels 0 .. P-1; empty where the file has none. No part of digest().
  std::vector<std::string> phase_names;
  std::int64_t logits = 0;  ///< C, or a multiple, where the last features are the encoder's logits, else 0

  [[nodiscard]] std::int64_t sample_count() const { return static_cast<std::int64_t>(labels.size()); }
  /// XXH64 of all of it: what the attribute index_digest holds.
  [[nodiscard]] std::uint64_t digest() const;
};

/// Some samples of one source, with the checks that all sources share. Not thread-safe. Throws StoreError,
/// NotFiniteError.
class StorePart {
 public:
  virtual ~StorePart() = default;
  StorePart() = default;
  StorePart(const StorePart&) = delete;
  StorePart& operator=(const StorePart&) = delete;

  /// What messages call it.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] const StoreIndex& index() const { return index_; }
  [[nodiscard]] std::int64_t length(std::int64_t sample) const;
  /// A sample's features, as messages call them.
  [[nodiscard]] virtual std::string describe(std::int64_t sample) const = 0;

  /// [T,F] into `destination`; checks digest and finiteness the first time.
  void read_sample(std::int64_t sample, float* destination);
  /// The same of a source of halves, as it holds them.
  virtual void read_halves(std::int64_t sample, std::uint16_t* destination) = 0;
  /// Reads a sample as read_sample() does, but says where it is not finite instead of throwing.
  [[nodiscard]] std::optional<NotFinite> find_not_finite(std::int64_t sample);
  void limit_features(float largest) { largest_feature_ = largest; }
  /// Refuses a source that is no longer what was opened.
  virtual void require_unchanged() const = 0;

  [[nodiscard]] virtual bool has_half_precision() const = 0;
  [[nodiscard]] virtual bool has_frame_labels() const = 0;
  [[nodiscard]] virtual bool has_timestamps() const = 0;
  [[nodiscard]] virtual std::vector<std::int32_t> read_frame_labels(std::int64_t sample) = 0;
  [[nodiscard]] virtual std::vector<double> read_timestamps(std::int64_t sample) = 0;

 protected:
  /// [T,F], widened; checks the digest of a sample that is_checked() does not know.
  virtual void read_content(std::int64_t sample, float* destination) = 0;
  /// What a user can do about a feature that is not finite, and about one that is too large, for messages.
  [[nodiscard]] virtual std::string mending() const = 0;
  [[nodiscard]] virtual std::string scaling() const = 0;

  [[nodiscard]] std::size_t element_count(std::int64_t sample) const;
  [[nodiscard]] bool is_checked(std::int64_t sample) const { return checked_[static_cast<std::size_t>(sample)]; }
  /// What follows the first read of a sample.
  void require_finite(std::int64_t sample, const float* values);
  void set_index(StoreIndex index);

  StoreIndex index_;

 private:
  [[nodiscard]] std::optional<NotFinite> find_not_finite(std::int64_t sample, const float* values) const;

  float largest_feature_ = std::numeric_limits<float>::max();
  std::vector<bool> checked_;  ///< [N] samples that have been read once, and were as they should be
  std::vector<float> values_;  ///< scratch: one sample, to be looked at
};

}  // namespace alignment::io
