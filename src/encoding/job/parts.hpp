#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/encoding/job/video_encoding.hpp"
#include "src/encoding/samples/video_list.hpp"

/// What is kept of a job until all videos are encoded (format: docs/reference/files.md).
namespace alignment::encoding {

/// A line of a journal: what became of a video.
struct PartEntry {
  std::string id;
  std::uint64_t identity = 0;  ///< Video::identity()
  bool encoded = false;        ///< else failed
  std::string reason;          ///< why it failed
  DecodingFacts decoding;      ///< of an encoded video, as the rest
  std::int64_t rows = 0;
  double seconds = 0;        ///< that it took
  std::uint64_t offset = 0;  ///< bytes of the rows file before the video's
  std::uint64_t digest = 0;  ///< XXH64 of its bytes: rows f32 [rows, F], then timestamps f64 [rows]
  std::filesystem::path rows_file;

  /// Bytes of the video in the rows file.
  [[nodiscard]] std::uint64_t bytes(std::int64_t feature_dim) const;
};

/// Writes one rank's part: a file of rows and a journal, both only appended to. Files are made at the first video.
/// Throws io::WriteError.
class PartWriter {
 public:
  /// `folder` must exist. `name` is of this rank and this start alone.
  PartWriter(std::filesystem::path folder, std::string name, std::int64_t feature_dim);
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  void add(const Video& video, const EncodedVideo& encoded, double seconds);
  void add_failure(const Video& video, const std::string& reason);
  /// What was added is now on disk: rows first, then the lines that speak of them.
  void commit();

 private:
  struct File;
  void make_files();

  std::filesystem::path folder_;
  std::string name_;
  std::int64_t feature_dim_;
  std::unique_ptr<File> rows_, journal_;
  std::uint64_t offset_ = 0;
  std::string lines_;
};

/// How much of what the journals say is compared with the rows files.
enum class PartCheck : std::uint8_t {
  kSizes,   ///< that a video's bytes are there
  kDigests  ///< and what they are
};

/// The journals of `folder` that fall to part `share` of `shares`: all of 0 of 1. Lines that were cut or damaged, and
/// videos whose rows were, are passed over. Throws io::StoreError where a file cannot be read.
[[nodiscard]] std::vector<PartEntry> read_parts(const std::filesystem::path& folder, std::int64_t feature_dim,
                                                PartCheck check, int share = 0, int shares = 1);

/// One line of JSON without its end, and back; nothing where the line is damaged. `rows_file` is no part of it.
[[nodiscard]] std::string to_line(const PartEntry& entry);
[[nodiscard]] std::optional<PartEntry> from_line(const std::string& line);

}  // namespace alignment::encoding
