#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace alignment {

/// metrics.jsonl: one JSON object a line, only ever appended to, by one process at a time (it holds a lock on the
/// file). Throws io::WriteError.
class MetricsFile {
 public:
  /// A new file; refuses one that exists.
  static MetricsFile create(const std::filesystem::path& file);
  /// An existing file, cut where records of steps >= `from_step` begin; an absent one begins empty.
  /// Warns where steps right before it have no records.
  static MetricsFile reopen(const std::filesystem::path& file, std::int64_t from_step);
  ~MetricsFile();
  MetricsFile(MetricsFile&& other) noexcept;
  MetricsFile& operator=(MetricsFile&& other) noexcept;

  /// Appends the line (without its newline) in one write, so that a reader sees whole lines.
  void append(std::string_view line);
  /// All of it.
  [[nodiscard]] std::string content() const;

 private:
  MetricsFile(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}
  std::filesystem::path file_;
  int descriptor_ = -1;
};

struct KeptMetrics {
  std::size_t bytes = 0;
  std::int64_t next_step = 0;  ///< one more than the last recorded
};

/// The metrics text that stands when training goes on from `from_step`: all before the first step record with
/// step >= from_step, so that epochs not complete at that step go too, and without a last line that was cut off by a
/// kill. Throws io::WriteError naming `file` and the line where a whole line is not a record.
[[nodiscard]] KeptMetrics metrics_before_step(std::string_view text, std::int64_t from_step,
                                              const std::filesystem::path& file);

}  // namespace alignment
