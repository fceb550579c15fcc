#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "dist/communicator.hpp"
#include "src/config/sections.hpp"
#include "src/encoding/encoders/encoder.hpp"
#include "src/encoding/job/store_classes.hpp"
#include "src/encoding/samples/windows.hpp"

namespace alignment::encoding {

/// What becomes of a job with videos that cannot be used.
enum class BadVideos : std::uint8_t {
  kRefuse,  ///< no store is written; a video that decodes in part is used
  kSkip,    ///< the store is written without them; a video that decodes in part is used
  kStrict,  ///< as kRefuse, and a video that decodes in part cannot be used
};

/// What dejavid_encode is told.
struct EncodeOptions {
  std::filesystem::path videos;  ///< a manifest or a folder
  std::string encoder;
  WindowRule windows;
  std::optional<int> window_frames;  ///< m; else what a clip encoder takes, or 16
  std::filesystem::path out;
  BadVideos bad_videos = BadVideos::kRefuse;
  bool retry_failed = false;
  KeptLogits logits = KeptLogits::kAuto;
  bool float16 = false;
  int gzip_level = 0;
  std::int64_t batch = 16;
  EncoderPrecision precision = EncoderPrecision::kFloat32;
  DistConfig dist;  ///< device, threads and timeout
  ProgressChoice progress = ProgressChoice::kAuto;

  /// All that must be the same on every rank, one `option = value` a line.
  [[nodiscard]] std::string to_text() const;
};

/// Collective. Encodes all videos of the list into the store `out`, or goes on where an earlier job of the same
/// settings was ended. Throws dist::AgreedFailure: with 75 where it was asked to stop, with 10 where videos cannot be
/// used.
void encode_videos(const EncodeOptions& options, dist::Communicator& communicator);

}  // namespace alignment::encoding
