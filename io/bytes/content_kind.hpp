#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace alignment::io {

/// What kind of file something is, whatever its name says.
enum class ContentKind : std::uint8_t {
  kEmpty,
  kNpy,
  kNpz,
  kZip,          ///< of anything else, as torch.save writes
  kLegacyTorch,  ///< torch.save before torch 1.6
  kPickle,
  kHdf5,
  kProgram,
  kSpreadsheet,
  kVideo,
  kUtf16,
  kSeries,  ///< .ts
  kText,
  kOther
};

struct Content {
  ContentKind kind = ContentKind::kOther;
  std::string_view name;  ///< for messages: "a .npy file"
};

/// Bytes at a file's beginning that tell its kind.
constexpr std::size_t kTellingBytes = 4096;

/// The kind of a file that begins with these bytes, of which there may be fewer only where the file has fewer.
[[nodiscard]] Content content_of(std::string_view beginning);

/// The kind of a file; kOther where it cannot be read.
[[nodiscard]] Content content_of_file(const std::filesystem::path& file);

}  // namespace alignment::io
