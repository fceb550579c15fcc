#include "src/encoding/job/parts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/bytes/digest.hpp"
#include "io/bytes/files_in_use.hpp"
#include "io/errors.hpp"
#include "io/formats/file_reader.hpp"
#include "io/formats/whole_file.hpp"

namespace alignment::encoding {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kRowsEnding = ".rows";
constexpr const char* kJournalEnding = ".jsonl";

std::uint64_t digest_of_text(std::string_view text) {
  return io::digest_of(std::span<const char>(text.data(), text.size()));
}

[[noreturn]] void refuse(const fs::path& file, const char* expected, int error) {
  throw io::WriteError(
      fmt::format("{}: found {} (errno {}); expected {}; check the folder, its permissions and its free space",
                  file.string(), std::generic_category().message(error), error, expected));
}

std::uint64_t from_hex(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
  if (error != std::errc() || end != text.data() + text.size()) throw std::invalid_argument("no hexadecimal number");
  return number;
}

std::uint64_t row_bytes(std::int64_t feature_dim) {
  return static_cast<std::uint64_t>(feature_dim) * sizeof(float) + sizeof(double);
}

/// Whether a rows file of `size` bytes has all of the video's. A line may say any number of rows: more than bytes() can
/// count.
bool lies_within(const PartEntry& entry, std::int64_t feature_dim, std::uint64_t size) {
  return entry.offset <= size &&
         static_cast<std::uint64_t>(entry.rows) <= (size - entry.offset) / row_bytes(feature_dim);
}

/// A line ends with `,"line":"<16 digits>"}`, the digest of all before.
constexpr std::string_view kDigestKey = ",\"line\":\"";
constexpr std::size_t kDigestDigits = 16;
constexpr std::size_t kTail = kDigestKey.size() + kDigestDigits + std::string_view("\"}").size();

}  // namespace

std::uint64_t PartEntry::bytes(std::int64_t feature_dim) const {
  return static_cast<std::uint64_t>(rows) * row_bytes(feature_dim);
}

std::string to_line(const PartEntry& entry) {
  Json json = {
      {"id", entry.id}, {"video", fmt::format("{:016x}", entry.identity)}, {"status", entry.encoded ? "ok" : "failed"}};
  if (entry.encoded) {
    const DecodingFacts& decoding = entry.decoding;
    json["rows"] = entry.rows;
    json["frames"] = decoding.frames;
    json["header_frames"] = decoding.header_frames ? Json(*decoding.header_frames) : Json(nullptr);
    json["bad_packets"] = decoding.bad_packets;
    json["damaged_frames"] = decoding.damaged_frames;
    json["steps_back"] = decoding.steps_back;
    json["seconds"] = entry.seconds;
    json["offset"] = entry.offset;
    json["digest"] = fmt::format("{:016x}", entry.digest);
  } else {
    json["reason"] = entry.reason;
  }
  std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  line.pop_back();
  return fmt::format("{}{}{:016x}\"}}", line, kDigestKey, digest_of_text(line));
}

std::optional<PartEntry> from_line(const std::string& line) {
  if (line.size() <= kTail) return std::nullopt;
  const std::string_view content(line.data(), line.size() - kTail);
  if (line.substr(content.size()) != fmt::format("{}{:016x}\"}}", kDigestKey, digest_of_text(content))) {
    return std::nullopt;
  }
  try {
    const Json json = Json::parse(line);
    PartEntry entry;
    entry.id = json.at("id").get<std::string>();
    entry.identity = from_hex(json.at("video").get<std::string>());
    entry.encoded = json.at("status").get<std::string>() == "ok";
    if (!entry.encoded) {
      entry.reason = json.at("reason").get<std::string>();
      return entry;
    }
    entry.rows = json.at("rows").get<std::int64_t>();
    entry.decoding.frames = json.at("frames").get<std::int64_t>();
    if (!json.at("header_frames").is_null()) entry.decoding.header_frames = json["header_frames"].get<std::int64_t>();
    entry.decoding.bad_packets = json.at("bad_packets").get<std::int64_t>();
    entry.decoding.damaged_frames = json.at("damaged_frames").get<std::int64_t>();
    entry.decoding.steps_back = json.at("steps_back").get<std::int64_t>();
    entry.seconds = json.at("seconds").get<double>();
    entry.offset = json.at("offset").get<std::uint64_t>();
    entry.digest = from_hex(json.at("digest").get<std::string>());
    if (entry.rows < 1) return std::nullopt;
    return entry;
  } catch (const std::exception&) {  // a line whose digest is right but that another program wrote
    return std::nullopt;
  }
}

/// A file that is only appended to.
struct PartWriter::File {
  fs::path path;
  int descriptor;

  explicit File(fs::path path_given) : path(std::move(path_given)) {
    const io::FileInUse in_use(path);
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0) refuse(path, "to make it", errno);
  }
  ~File() { ::close(descriptor); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void append(const void* bytes, std::size_t count) const {
    const io::FileInUse in_use(path);
    const char* next = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t written = ::write(descriptor, next, count);
      if (written < 0 && errno != EINTR) refuse(path, "to append to it", errno);
      if (written <= 0) continue;
      next += written;
      count -= static_cast<std::size_t>(written);
    }
  }
  void sync() const {
    const io::FileInUse in_use(path);
    if (::fdatasync(descriptor) != 0 && errno != EINVAL) refuse(path, "to sync it to disk", errno);
  }
};

PartWriter::PartWriter(fs::path folder, std::string name, std::int64_t feature_dim)
    : folder_(std::move(folder)), name_(std::move(name)), feature_dim_(feature_dim) {}

PartWriter::~PartWriter() = default;

void PartWriter::make_files() {
  if (journal_) return;
  rows_ = std::make_unique<File>(folder_ / (name_ + kRowsEnding));
  journal_ = std::make_unique<File>(folder_ / (name_ + kJournalEnding));
  const io::FileInUse in_use(folder_);
  const int folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && (::fsync(folder) == 0 || errno == EINVAL);
  const int error = errno;
  if (folder >= 0) ::close(folder);
  if (!synced) refuse(folder_, "to sync it to disk", error);
}

void PartWriter::add(const Video& video, const EncodedVideo& encoded, double seconds) {
  make_files();
  PartEntry entry;
  entry.id = video.id;
  entry.identity = video.identity();
  entry.encoded = true;
  entry.decoding = encoded.decoding;
  entry.rows = std::ssize(encoded.timestamps);
  entry.seconds = seconds;
  entry.offset = offset_;
  io::Digest digest;
  digest.add(encoded.rows);
  digest.add(encoded.timestamps);
  entry.digest = digest.value();
  rows_->append(encoded.rows.data(), encoded.rows.size() * sizeof(float));
  rows_->append(encoded.timestamps.data(), encoded.timestamps.size() * sizeof(double));
  offset_ += entry.bytes(feature_dim_);
  lines_ += to_line(entry) + "\n";
}

void PartWriter::add_failure(const Video& video, const std::string& reason) {
  make_files();
  PartEntry entry;
  entry.id = video.id;
  entry.identity = video.identity();
  entry.reason = reason;
  lines_ += to_line(entry) + "\n";
}

void PartWriter::commit() {
  if (lines_.empty()) return;
  rows_->sync();
  journal_->append(lines_.data(), lines_.size());
  journal_->sync();
  lines_.clear();
}

std::vector<PartEntry> read_parts(const fs::path& folder, std::int64_t feature_dim, PartCheck check, int share,
                                  int shares) {
  std::vector<fs::path> journals;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == kJournalEnding) journals.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw io::StoreError(fmt::format("{}: found {}; expected a folder to list; check its permissions", folder.string(),
                                     error.message()));
  }
  std::sort(journals.begin(), journals.end());
  std::vector<PartEntry> entries;
  std::vector<char> bytes;
  for (std::size_t number = static_cast<std::size_t>(share); number < journals.size();
       number += static_cast<std::size_t>(shares)) {
    const io::FileInUse in_use(journals[number]);
    const std::vector<char> text = io::read_whole_file(journals[number]);
    fs::path rows_file = journals[number];
    rows_file.replace_extension(kRowsEnding);
    if (!io::names_a_file(rows_file)) continue;
    const io::FileReader rows(rows_file);
    for (auto begin = text.begin(); begin != text.end();) {
      const auto end = std::find(begin, text.end(), '\n');
      if (end == text.end()) break;  // cut
      std::optional<PartEntry> entry = from_line(std::string(begin, end));
      begin = end + 1;
      if (!entry) continue;
      entry->rows_file = rows_file;
      if (entry->encoded) {
        if (!lies_within(*entry, feature_dim, rows.size())) continue;
        if (check == PartCheck::kDigests) {
          bytes.resize(entry->bytes(feature_dim));
          rows.read(entry->offset, bytes);
          if (io::digest_of(bytes) != entry->digest) continue;
        }
      }
      entries.push_back(std::move(*entry));
    }
  }
  return entries;
}

}  // namespace alignment::encoding
