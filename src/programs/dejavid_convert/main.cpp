#include <CLI/CLI.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "src/job/exit_code.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/program/subcommand_program.hpp"
#include "src/programs/dejavid_convert/commands.hpp"

namespace {

using alignment::ExitCode;

const std::vector<std::string> kExamples{
    "dejavid_convert ts --train NATOPS_TRAIN.ts --test NATOPS_TEST.ts --out natops.h5",
    "dejavid_convert npy --manifest features.csv --encoder dinov2 --out videos.h5",
    "dejavid_convert torch --features feats --splits splits.pkl --labels labels.pkl --files files.pkl --out a.h5",
    "dejavid_convert synthetic --preset order --samples 200 --val-samples 50 --out order.h5",
    "dejavid_convert merge a.h5 b.h5 --out both.h5",
    "dejavid_convert labels --store videos.h5 --labels phases.csv",
    "dejavid_convert info videos.h5",
    "dejavid_convert info videos.h5 --samples",
    "dejavid_convert verify videos.h5"};

int run(int argument_count, char** arguments) {
  CLI::App program("Makes and checks TSE stores.", "dejavid_convert");
  alignment::add_ts(program);
  alignment::add_torch(program);
  alignment::add_npy(program);
  alignment::add_synthetic(program);
  alignment::add_merge(program);
  alignment::add_labels(program);
  alignment::add_info(program);
  alignment::add_verify(program);
  return alignment::parse_subcommand(program, kExamples, argument_count, arguments).value_or(0);
}

}  // namespace

int main(int argument_count, char** arguments) {
  alignment::advise_on_memory("convert fewer samples at once, into stores that merge joins");
  return alignment::run_program([&] {
    if (!alignment::speaks_for_the_job()) return 0;  // one process of an mpirun does the work
    try {
      return run(argument_count, arguments);
    } catch (const std::invalid_argument& error) {
      return alignment::complain(ExitCode::kUsage, error.what());
    } catch (const alignment::CheckFailed& failed) {
      return static_cast<int>(failed.exit_code);
    }
  });
}
