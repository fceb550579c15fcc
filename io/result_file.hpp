#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/destination.hpp"

namespace alignment::io {

/// Where a result goes that a user has asked for by name (--out, --json).
///
/// A regular file appears whole or not at all (DurableFile), in the place of one that was there; a link stays and its
/// target is replaced. Pipes, devices and open files, "-" among them, are written to as they are.
class ResultFile {
 public:
  /// Looks where the name leads: a folder that cannot be written, or one of `inputs` (empty names are none), is met
  /// here, before any work is done. Throws WriteError.
  ResultFile(std::filesystem::path name, const std::vector<std::filesystem::path>& inputs);

  [[nodiscard]] const std::filesystem::path& name() const { return name_; }
  /// The name for messages.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool is_regular() const { return destination_.kind == Destination::Kind::kRegularFile; }
  /// What else would be printed there is then left out.
  [[nodiscard]] bool is_standard_output() const;

  /// Writes the whole result. May wait for a reader of a pipe. Throws WriteError.
  void write(std::string_view content) const;

 private:
  std::filesystem::path name_;
  Destination destination_;
};

/// Writes `text` to standard output and sees it leave. A reader that has gone has had enough: that is no error. Throws
/// WriteError where standard output is closed or full.
void write_standard_output(std::string_view text);

}  // namespace alignment::io
