#include "io/bytes/content_kind.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace alignment::io {
namespace {

using namespace std::string_view_literals;

/// Formats that begin with a fixed text at a fixed place.
struct Signature {
  std::size_t at;
  std::string_view text;
  Content content;
};

constexpr std::array kSignatures{
    Signature{0, "\x93NUMPY"sv, {ContentKind::kNpy, "a .npy file"}},
    Signature{
        0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46"sv, {ContentKind::kLegacyTorch, "what torch.save wrote before torch 1.6"}},
    Signature{0, "\x80"sv, {ContentKind::kPickle, "a pickle"}},
    Signature{0, "\x89HDF"sv, {ContentKind::kHdf5, "an HDF5 file"}},
    Signature{0,
              "\x7f"
              "ELF"sv,
              {ContentKind::kProgram, "a program or library"}},
    Signature{4, "ftyp"sv, {ContentKind::kVideo, "a video"}},
    Signature{8, "AVI "sv, {ContentKind::kVideo, "a video"}},
    Signature{0, "\x1a\x45\xdf\xa3"sv, {ContentKind::kVideo, "a video"}},
    Signature{0, "\xff\xfe"sv, {ContentKind::kUtf16, "text in UTF-16"}},
    Signature{0, "\xfe\xff"sv, {ContentKind::kUtf16, "text in UTF-16"}},
    Signature{0, "\x1f\x8b"sv, {ContentKind::kOther, "a gzip file"}},
    Signature{0, "PAR1"sv, {ContentKind::kOther, "a Parquet file"}},
    Signature{0, "ARROW1"sv, {ContentKind::kOther, "an Arrow file"}},
    Signature{0, "MATLAB 5.0"sv, {ContentKind::kOther, "a .mat file"}},
};

/// What a zip archive holds, by the name of its first file.
Content zip_content(std::string_view beginning) {
  constexpr std::size_t kLengthAt = 26, kNameAt = 30;
  std::string_view first;
  if (beginning.size() > kNameAt) {
    const auto byte = [&](std::size_t at) {
      return static_cast<std::size_t>(static_cast<unsigned char>(beginning[at]));
    };
    first = beginning.substr(kNameAt, byte(kLengthAt) | byte(kLengthAt + 1) << 8U);
  }
  if (first.ends_with(".npy")) return {ContentKind::kNpz, "a .npz archive"};
  if (first.ends_with("/data.pkl")) return {ContentKind::kZip, "what torch.save writes"};
  const bool spreadsheet = first == "[Content_Types].xml" || first.starts_with("_rels/") || first.starts_with("xl/");
  return spreadsheet ? Content{ContentKind::kSpreadsheet, "a spreadsheet"}
                     : Content{ContentKind::kZip, "a zip archive"};
}

bool is_text(std::string_view beginning) {
  return std::all_of(beginning.begin(), beginning.end(), [](char letter) {
    const auto code = static_cast<unsigned char>(letter);
    return code >= 0x20 || (code >= '\t' && code <= '\r');
  });
}

}  // namespace

Content content_of(std::string_view beginning) {
  if (beginning.empty()) return {ContentKind::kEmpty, "an empty file"};
  for (const Signature& signature : kSignatures) {
    if (beginning.size() > signature.at && beginning.substr(signature.at).starts_with(signature.text)) {
      return signature.content;
    }
  }
  if (beginning.starts_with("PK\x03\x04")) return zip_content(beginning);
  if (!is_text(beginning)) return {ContentKind::kOther, "an unknown format"};
  if (beginning.starts_with('@') || beginning.find("\n@") != std::string_view::npos) {
    return {ContentKind::kSeries, "a .ts file"};
  }
  return {ContentKind::kText, "text"};
}

Content content_of_file(const std::filesystem::path& file) {
  std::ifstream opened(file, std::ios::binary);
  std::string beginning(kTellingBytes, '\0');
  opened.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  if (opened.bad() || !opened.is_open()) return {ContentKind::kOther, "an unknown format"};
  return content_of(std::string_view(beginning).substr(0, static_cast<std::size_t>(opened.gcount())));
}

}  // namespace alignment::io
