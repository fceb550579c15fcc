#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/store/tse_store.hpp"

namespace alignment::io {

enum class FeatureType : std::uint8_t { kFloat32, kFloat16 };

struct TseWriterOptions {
  FeatureType feature_type = FeatureType::kFloat32;
  int gzip_level = 0;    ///< 0: not compressed
  bool replace = false;  ///< whether finish() may put the store in the place of a file
};

/// What the store says about itself.
struct TseStoreHeader {
  std::int64_t feature_dim = 0;
  std::vector<std::string> class_names;  ///< [C]
  std::string encoder;                   ///< what made the features, free text
  std::string source;                    ///< where the samples came from, free text
  std::int64_t logits = 0;  ///< C, or a multiple, where a step's last features are the encoder's logits, else 0
  bool unlabelled = false;  ///< whether samples may come without a label; class_names may then be empty
  std::vector<std::string> phase_names = {};  ///< [P] names of the frame labels 0..P-1; may be empty
};

/// Whether a step of `feature_dim` features can hold so many logits of `classes` classes; 0 always fits.
[[nodiscard]] inline bool fits_logits(std::int64_t logits, std::int64_t classes, std::int64_t feature_dim) {
  return logits == 0 || (logits > 0 && logits <= feature_dim && classes > 0 && logits % classes == 0);
}

struct TseSample {
  std::string id;
  std::int32_t label = 0;  ///< 0..C-1; kNoLabel where the header allows it
  Split split = Split::kTrain;
  std::span<const float> features;                  ///< [T,F]
  std::span<const std::int32_t> frame_labels = {};  ///< [T] or empty
  std::span<const double> timestamps = {};          ///< [T] seconds, or empty
  std::string_view origin = {};  ///< where it was read from, for messages; empty: named as in the store
};

/// Features that f16 keeps fewer digits of than its own three, as all their values are small.
struct FaintFeatures {
  std::int64_t count = 0;
  std::int64_t first = 0;  ///< the first of them
  float largest = 0;       ///< its largest magnitude
};

/// Writes a TSE store sample by sample under a temporary name beside `file`; finish() writes the index and `complete`,
/// syncs and renames. Destroyed without finish(), it removes the temporary file. Throws WriteError (also where `file`
/// exists already, but for TseWriterOptions::replace), StoreError for a sample that does not fit, NotFiniteError for a
/// feature that is not finite.
class TseWriter {
 public:
  TseWriter(std::filesystem::path file, TseStoreHeader header, TseWriterOptions options = {});
  ~TseWriter();
  TseWriter(const TseWriter&) = delete;
  TseWriter& operator=(const TseWriter&) = delete;

  void append(const TseSample& sample);
  /// Also throws StoreError where f16 would hold none of the features with its own precision (faint_features()).
  void finish();

  /// Of the samples so far; none in f32.
  [[nodiscard]] FaintFeatures faint_features() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace alignment::io
