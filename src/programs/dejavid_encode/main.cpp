#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "dist/text.hpp"
#include "io/result_file.hpp"
#include "io/video/video_reader.hpp"
#include "src/config/error.hpp"
#include "src/config/pages/pages.hpp"
#include "src/encoding/job/torch_threads.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/program/subcommand_program.hpp"
#include "src/job/signals/early_signals.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/terminal.hpp"
#include "src/programs/dejavid_encode/options.hpp"

namespace {

using alignment::ConfigError;
using alignment::ExitCode;
namespace dist = alignment::dist;

/// Collective. Refuses ranks that were told different things.
void require_same_options(const std::string& mine, dist::Communicator& communicator) {
  const std::string first = dist::broadcast_text(communicator, mine, dist::Rank{0});
  alignment::agreed(communicator, [&] {
    std::istringstream ours(mine), theirs(first);
    for (std::string own, other; std::getline(ours, own) && std::getline(theirs, other);) {
      if (own == other) continue;
      throw ConfigError(fmt::format(
          "options: found {} where rank 0 has {}; expected the same on every rank; start all with one command", own,
          other));
    }
  });
}

/// Collective.
ExitCode diagnose(dist::Communicator& communicator) {
  alignment::SharedConfig config;
  config.run.dir = ".";
  alignment::GpuReport gpus;
  alignment::agreed(communicator, [&] { gpus = alignment::report_gpus(); });
  const bool passed = alignment::run_doctor(communicator, "dejavid_encode", config, "LibTorch's kernels", gpus, {},
                                            {{"FFmpeg", alignment::io::decoder_versions()}});
  return passed ? ExitCode::kDone : ExitCode::kOther;
}

int run(int argument_count, char** arguments) {
  CLI::App program(
      "Turns videos into a TSE store: windows of frames go through an encoder. Alone or under mpirun; started again, "
      "it "
      "goes on where it was ended.",
      "dejavid_encode");
  alignment::encoding::EncodeOptions options;
  alignment::WindowOptions windows;
  alignment::InspectOptions inspected;
  alignment::add_encode_options(program, options);
  alignment::add_window_options(program, windows);
  CLI::App* inspect = alignment::add_inspect(program, inspected);
  alignment::BesideOptions paired;
  CLI::App* beside = alignment::add_beside(program, paired);
  alignment::SceneOptions drawn;
  CLI::App* scenes = alignment::add_scenes(program, drawn);
  CLI::App* doctor = program.add_subcommand(
      "doctor", "say what a bug report needs: versions, FFmpeg's among them, ranks, GPUs, the folder one is in");
  try {
    alignment::ProgramDescription described = alignment::describe(
        program, {"dejavid_encode --videos videos --encoder motion --windows fraction --out a.h5",
                  "mpirun -np 4 dejavid_encode --videos k400.csv --encoder vit_b.pt --windows fraction --out k400.h5",
                  "dejavid_encode inspect clip.mp4 --picture clip.png", "dejavid_encode scenes --out clips"});
    described.exit_codes = alignment::kExitCodesInHelp;
    if (argument_count < 2) return alignment::show_first_screen(described);
    if (const auto page = alignment::asked_page(described, {arguments + 1, arguments + argument_count},
                                                alignment::terminal::page_columns())) {
      if (alignment::speaks_for_the_job()) alignment::io::write_standard_output(*page);
      return 0;
    }
    alignment::refuse_empty_values(program);
    program.parse(argument_count, arguments);
    if (inspect->parsed()) {
      inspected.windows.interpret();
    } else if (!beside->parsed() && !scenes->parsed() && !doctor->parsed()) {
      alignment::require_encode_options(options, windows);
      windows.interpret();
    }
  } catch (const CLI::ParseError& error) {
    return alignment::complain_about_usage(alignment::usage_mistake(program, error));
  } catch (const ConfigError& error) {
    return alignment::complain_about_usage(error.what());
  }
  if (inspect->parsed() || beside->parsed()) {
    alignment::let_stop_signals_through();
    if (!alignment::speaks_for_the_job()) return 0;  // one process of an mpirun does the work
    alignment::encoding::compute_on_this_thread();
    if (inspect->parsed()) alignment::inspect(inspected);
    if (beside->parsed()) alignment::beside(paired);
    return 0;
  }
  if (scenes->parsed()) {
    alignment::let_stop_signals_through();
    if (alignment::speaks_for_the_job()) alignment::scenes(drawn);
    return 0;
  }
  if (doctor->parsed()) {
    alignment::let_stop_signals_through();
    return alignment::run_on_ranks(alignment::Ranks::kAll, argument_count, arguments, options.dist.timeout(), diagnose);
  }
  options.windows = windows.parsed;
  options.window_frames = windows.frames;
  alignment::install_stop_signals();
  alignment::let_stop_signals_through();
  return alignment::run_on_ranks(alignment::Ranks::kAll, argument_count, arguments, options.dist.timeout(),
                                 [&](dist::Communicator& communicator) {
                                   require_same_options(options.to_text(), communicator);
                                   alignment::encoding::encode_videos(options, communicator);
                                   return ExitCode::kDone;
                                 });
}

}  // namespace

int main(int argument_count, char** arguments) {
  alignment::advise_on_memory("use fewer --threads, a smaller --batch, or fewer ranks on the host");
  return alignment::run_program([&] { return run(argument_count, arguments); });
}
