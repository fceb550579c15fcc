#include <fmt/format.h>

#include "io/result_file.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace alignment {

CLI::App* add_scenes(CLI::App& program, SceneOptions& options) {
  CLI::App* command = program.add_subcommand(
      "scenes", "draw small videos whose classes differ only in the order of events, to try everything on");
  command->add_option("--out", options.folder, "folder to write them to")->required()->type_name("FOLDER");
  const auto count = [&](const char* name, std::int64_t& value, const char* what) {
    command->add_option(name, value, fmt::format("{}; default {}", what, value))
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{9999}).description(""))
        ->type_name("N");
  };
  count("--clips", options.counts.train, "clips of a class to train on");
  count("--val-clips", options.counts.validation, "clips of a class to validate with");
  command->add_option("--seed", options.counts.seed, fmt::format("of everything; default {}", options.counts.seed))
      ->type_name("N");
  return command;
}

void scenes(const SceneOptions& options) {
  const std::int64_t clips = encoding::make_scenes(options.folder, options.counts);
  io::write_standard_output(fmt::format("{}: {} clips\n", options.folder.string(), clips));
}

}  // namespace alignment
