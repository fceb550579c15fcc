#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Files of named numbers, texts and arrays, such as models. What the names mean is for others to say.
namespace alignment::io {

/// One thing that an archive holds, under `group` ("" for the file itself; groups do not nest). What it refers to must
/// live until it is written.
struct ArchiveEntry {
  using Attribute = std::variant<std::int64_t, std::uint64_t, double, std::string>;
  struct Array {
    std::vector<std::int64_t> shape;
    std::span<const float> values;  ///< row-major
  };
  using Texts = std::span<const std::string>;

  const char* group;
  const char* name;
  std::variant<Attribute, Array, Texts> value;
};

/// Writes an archive durably (temporary name, sync, rename), replacing what was there. Every array gets a digest. The
/// same entries in the same order give the same bytes. Throws WriteError.
void write_archive(const std::filesystem::path& file, std::span<const ArchiveEntry> entries);

/// The bytes of such a file, for where there can be none. Throws WriteError.
[[nodiscard]] std::string archive_bytes(std::span<const ArchiveEntry> entries);

/// What an archive must say of itself in its attributes `format` and `version`.
struct ArchiveFormat {
  const char* name;
  std::int64_t version;
  const char* kind;      ///< "model file", for messages
  const char* expected;  ///< what to name in place of a file of another format
};

/// An archive that is being read. Groups are as in ArchiveEntry. Numbers and texts may be absent; arrays are refused
/// where they do not fit their digest, if they have one.
class ArchiveContent {
 public:
  struct Array {
    std::vector<std::int64_t> shape;
    std::vector<float> values;
  };

  [[nodiscard]] bool has(const char* group, const char* name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(const char* group, const char* name) const;
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer(const char* group, const char* name) const;
  [[nodiscard]] std::optional<double> real(const char* group, const char* name) const;
  [[nodiscard]] std::optional<std::string> text(const char* group, const char* name) const;
  [[nodiscard]] std::vector<std::string> texts(const char* group, const char* name) const;
  /// Of `rank` dimensions, which `expected` says in words.
  [[nodiscard]] Array array(const char* group, const char* name, std::size_t rank, std::string_view expected) const;
  /// Refuses content whose digest is not what the attribute of the file says; a file without it is not checked.
  void require_digest(const char* attribute, std::uint64_t found) const;
  /// Refuses the file: `line` goes behind its name.
  [[noreturn]] static void refuse(const std::string& line);

 private:
  friend void read_archive(const std::filesystem::path& file, const ArchiveFormat& format,
                           const std::function<void(const ArchiveContent&)>& read);
  struct State;
  explicit ArchiveContent(State& state) : state_(state) {}
  State& state_;
};

/// "[3,4,50]", for messages.
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

/// Calls `read` with what `file` holds. A crash of HDF5 on a damaged file ends the process (crash_guard.hpp). Throws
/// ModelFileError, also for what `read` refuses.
void read_archive(const std::filesystem::path& file, const ArchiveFormat& format,
                  const std::function<void(const ArchiveContent&)>& read);

}  // namespace alignment::io
