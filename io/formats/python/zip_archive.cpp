// PKWARE's APPNOTE.TXT, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end), 4.5.3 (zip64).

#include "io/formats/python/zip_archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "io/bytes/text.hpp"
#include "io/errors.hpp"

namespace alignment::io {
namespace {

constexpr std::string_view kLocalHeader("PK\x03\x04", 4), kDirectoryEntry("PK\x01\x02", 4), kEnd("PK\x05\x06", 4),
    kLargeEnd("PK\x06\x06", 4), kLargeEndLocator("PK\x06\x07", 4);
constexpr std::size_t kLocalHeaderBytes = 30, kDirectoryEntryBytes = 46, kEndBytes = 22, kLargeEndBytes = 56,
                      kLargeEndLocatorBytes = 20, kLongestComment = 65535;
constexpr std::uint64_t kInExtra = std::numeric_limits<std::uint32_t>::max();  // the number stands in a zip64 field

[[noreturn]] void refuse(const FileReader& file, std::string_view found) {
  throw StoreError(
      fmt::format("{}: found {}; expected the whole zip archive that torch.save writes; copy the file "
                  "again or save it anew",
                  file.path().string(), found));
}

/// An unsigned little-endian number within bytes that are known to reach that far.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t n = width; n > 0; --n) value = value << 8U | static_cast<unsigned char>(bytes[at + n - 1]);
  return value;
}

/// Bytes of the file, which must reach that far.
std::string piece_of(const FileReader& file, std::uint64_t at, std::uint64_t count) {
  if (at > file.size() || count > file.size() - at) refuse(file, "an archive whose parts lie beyond its end");
  std::string piece(count, '\0');
  file.read(at, piece);
  return piece;
}

struct Directory {
  std::uint64_t begin = 0, bytes = 0;
};

Directory find_directory(const FileReader& file) {
  const std::uint64_t tail_bytes = std::min<std::uint64_t>(file.size(), kEndBytes + kLongestComment);
  const std::uint64_t tail_begin = file.size() - tail_bytes;
  const std::string tail = piece_of(file, tail_begin, tail_bytes);
  std::size_t end = tail.rfind(kEnd);
  while (end != std::string::npos &&
         (tail.size() - end < kEndBytes || number(tail, end + 20, 2) != tail.size() - end - kEndBytes)) {
    end = end == 0 ? std::string::npos : tail.rfind(kEnd, end - 1);  // these four bytes occurred within the comment
  }
  if (end == std::string::npos) refuse(file, "no end of a zip archive");
  Directory directory{.begin = number(tail, end + 16, 4), .bytes = number(tail, end + 12, 4)};
  const std::uint64_t end_at = tail_begin + end;
  if (end_at >= kLargeEndLocatorBytes) {
    const std::string locator = piece_of(file, end_at - kLargeEndLocatorBytes, kLargeEndLocatorBytes);
    if (locator.starts_with(kLargeEndLocator)) {
      const std::string large = piece_of(file, number(locator, 8, 8), kLargeEndBytes);
      if (!large.starts_with(kLargeEnd)) refuse(file, "a zip archive whose end is damaged");
      directory = {.begin = number(large, 48, 8), .bytes = number(large, 40, 8)};
    }
  }
  return directory;
}

/// Takes from the extra fields of zip64 the numbers that did not fit.
void read_large(const FileReader& file, std::string_view extra, std::uint64_t& bytes, std::uint64_t& stored_bytes,
                std::uint64_t& header) {
  constexpr std::size_t kTag = 4;  // two bytes say what a field is, two how long
  while (extra.size() >= kTag) {
    const std::size_t length = number(extra, 2, 2);
    if (length > extra.size() - kTag) return;  // the padding of other writers
    std::string_view field = extra.substr(kTag, length);
    if (number(extra, 0, 2) == 1) {
      for (std::uint64_t* value : {&bytes, &stored_bytes, &header}) {
        if (*value != kInExtra) continue;
        if (field.size() < 8) refuse(file, "a zip archive whose directory is damaged");
        *value = number(field, 0, 8);
        field.remove_prefix(8);
      }
    }
    extra.remove_prefix(kTag + length);
  }
}

}  // namespace

ZipArchive::ZipArchive(const FileReader& file) {
  const Directory directory = find_directory(file);
  const std::string bytes = piece_of(file, directory.begin, directory.bytes);
  std::string_view left = bytes;
  bool first = true;
  while (!left.empty()) {
    if (left.size() < kDirectoryEntryBytes || !left.starts_with(kDirectoryEntry)) {
      refuse(file, "a zip archive whose directory is damaged");
    }
    const std::uint64_t name_bytes = number(left, 28, 2), extra_bytes = number(left, 30, 2);
    const std::uint64_t entry_bytes = kDirectoryEntryBytes + name_bytes + extra_bytes + number(left, 32, 2);
    if (entry_bytes > left.size()) refuse(file, "a zip archive whose directory is damaged");
    std::string name(left.substr(kDirectoryEntryBytes, name_bytes));
    Record record{.header = number(left, 42, 4), .bytes = number(left, 24, 4)};
    std::uint64_t stored_bytes = number(left, 20, 4);
    read_large(file, left.substr(kDirectoryEntryBytes + name_bytes, extra_bytes), record.bytes, stored_bytes,
               record.header);
    const bool encrypted = (number(left, 8, 2) & 1U) != 0, compressed = number(left, 10, 2) != 0;
    record.plain = !encrypted && !compressed && stored_bytes == record.bytes;
    left.remove_prefix(entry_bytes);
    if (first) folder_ = name.substr(0, name.find('/') == std::string::npos ? 0 : name.find('/') + 1);
    first = false;
    if (name.ends_with('/')) continue;
    const std::string shown(excerpt(name));
    if (!records_.emplace(std::move(name), record).second) {
      refuse(file, fmt::format("the record '{}' twice", shown));
    }
  }
}

std::uint64_t ZipArchive::content_of(const FileReader& file, const Record& record, const std::string& where) {
  if (!record.plain) {
    throw StoreError(where + ": found it compressed or encrypted; expected it as torch.save writes it; save it anew");
  }
  const std::string header = piece_of(file, record.header, kLocalHeaderBytes);
  const std::uint64_t content = record.header + kLocalHeaderBytes + number(header, 26, 2) + number(header, 28, 2);
  if (!header.starts_with(kLocalHeader) || content > file.size() || record.bytes > file.size() - content) {
    throw StoreError(
        fmt::format("{}: found no {} bytes of content in the file; expected them whole; copy the file "
                    "again or save it anew",
                    where, record.bytes));
  }
  return content;
}

}  // namespace alignment::io
