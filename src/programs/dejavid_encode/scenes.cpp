#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "io/bytes/utf8.hpp"
#include "io/result_file.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {

CLI::App* add_scenes(CLI::App& program, SceneOptions& options) {
  CLI::App* command = program.add_subcommand(
      "scenes", "draw small videos whose classes differ only in the order of events, to try everything on");
  command->add_option("--out", options.folder, "new or empty folder to write them to")->required()->type_name("FOLDER");
  command
      ->add_option("--phases", options.phases,
                   "CSV file to write, of the frames that each event lasts, for dejavid_convert labels")
      ->type_name("FILE.csv");
  const auto count = [&](const char* name, std::int64_t& value, const char* what) {
    command->add_option(name, value, fmt::format("{}; default {}", what, value))
        ->transform(whole_number(std::int64_t{0}, std::int64_t{9999}))
        ->type_name("N");
  };
  count("--clips", options.counts.train, "clips of a class to train on");
  count("--val-clips", options.counts.validation, "clips of a class to validate with");
  command->add_option("--seed", options.counts.seed, fmt::format("of everything; default {}", options.counts.seed))
      ->transform(whole_number(std::uint64_t{0}, std::numeric_limits<std::uint64_t>::max()))
      ->type_name("N");
  return command;
}

void scenes(const SceneOptions& options) {
  std::optional<io::ResultFile> phases;
  if (!options.phases.empty()) phases.emplace(options.phases, std::vector<std::filesystem::path>{});
  std::optional<Progress> progress;
  const encoding::DrawnScenes drawn =
      encoding::make_scenes(options.folder, options.counts, [&](std::int64_t /*drawn*/, std::int64_t all) {
        if (!progress) progress.emplace(ProgressChoice::kAuto, "drawing", all, "clips");
        progress->advance(1);
      });
  progress.reset();
  if (phases) phases->write(drawn.phases);
  if (phases && phases->is_standard_output()) return;
  io::write_standard_output(fmt::format("{}: {} clips\n", io::printable(options.folder.string()), drawn.clips));
}

}  // namespace alignment
