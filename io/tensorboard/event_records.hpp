#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Records of the event files that TensorBoard reads: an Event message of its protocol buffers, framed as a TFRecord
/// (length, its checksum, message, its checksum; CRC-32C, masked). A file is one record after another, the first of
/// them version_record().
namespace alignment::io {

/// One point of a curve.
struct EventScalar {
  std::string tag;  ///< "train/loss"
  float value = 0;
};

/// What the first record of a file says. `time`: seconds since 1970, UTC, in all of these.
[[nodiscard]] std::string version_record(double time);

/// The points of several curves at one step.
[[nodiscard]] std::string scalars_record(double time, std::int64_t step, std::span<const EventScalar> scalars);

/// A text in Markdown, shown under `tag` in the tab for texts.
[[nodiscard]] std::string text_record(double time, std::int64_t step, std::string_view tag, std::string_view text);

}  // namespace alignment::io
