#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "io/formats/sample_source.hpp"
#include "src/config/sections.hpp"

namespace alignment {

/// What every subcommand that writes a store takes.
struct OutputOptions {
  std::filesystem::path out;
  bool replace = false;  ///< whether `out` may be there already
  bool float16 = false;
  int gzip_level = 0;
  std::string encoder;
  std::int64_t logits = 0;
  std::optional<std::filesystem::path>
      logits_classes;  ///< a class a line, in the order of the logits, else class order
  bool skip_bad_samples = false;
  bool note_constants = true;  ///< whether to name samples and features that never change
  ProgressChoice progress = ProgressChoice::kAuto;
};

/// Adds --out, --float16, --gzip, --encoder, --logits, --logits-classes, --data.bad_samples and --progress to a
/// subcommand. `options` must outlive the parsing.
void add_output_options(CLI::App& subcommand, OutputOptions& options);

/// Adds --progress alone.
void add_progress_option(CLI::App& subcommand, OutputOptions& options);

/// Refuses a word of the command line that cannot stand in a store. Throws std::invalid_argument that names `option`.
void require_text(const char* option, const std::string& text);

/// Writes the store and prints one line about it, and on standard error what was passed over. Throws what
/// io::write_store() throws.
void convert(io::SampleSource& samples, const OutputOptions& options);

}  // namespace alignment
