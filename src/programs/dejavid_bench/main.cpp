#include <CLI/CLI.hpp>
#include <optional>
#include <vector>

#include "io/result_file.hpp"
#include "src/config/sections.hpp"
#include "src/dejavid/commands/command_table.hpp"
#include "src/job/agreed.hpp"
#include "src/job/program/program.hpp"
#include "src/job/program/speaker.hpp"
#include "src/job/program/subcommand_program.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"

namespace {

using alignment::ExitCode;
using alignment::dejavid::bench::Choice;
using alignment::dejavid::bench::Record;

const std::vector<std::string> kExamples{"dejavid_bench kernels --shape hmdb51 --json kernels.json",
                                         "mpirun -np 2 dejavid_bench train --shape order",
                                         "dejavid_bench naive --shape hmdb51"};

void measure_and_report(const Choice& choice, alignment::dist::Communicator& communicator) {
  std::optional<alignment::io::ResultFile> result;  // rank 0's
  alignment::agreed(communicator, [&] {
    if (communicator.is_root() && !choice.json_file.empty()) result.emplace(choice.json_file, choice.inputs);
  });
  const std::vector<Record> records = choice.measure(communicator);
  alignment::agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!result || !result->is_standard_output()) {
      alignment::io::write_standard_output(alignment::dejavid::bench::to_table(records));
    }
    if (result) result->write(alignment::dejavid::bench::to_document(records));
  });
}

int start(int argument_count, char** arguments) {
  alignment::advise_on_memory(alignment::dejavid::command_table().memory_advice);
  CLI::App program("Measures how fast this build is on this machine.", "dejavid_bench");
  Choice choice;
  alignment::dejavid::bench::add_kernels(program, choice);
  alignment::dejavid::bench::add_train(program, choice);
  alignment::dejavid::bench::add_naive(program, choice);
  alignment::dejavid::bench::add_torch(program, choice);
  alignment::dejavid::bench::add_io(program, choice);
  alignment::dejavid::bench::add_scaling(program, choice);
  alignment::dejavid::bench::add_predict(program, choice);
  alignment::dejavid::bench::add_lrprop(program, choice);
  if (const auto code = alignment::parse_subcommand(program, kExamples, argument_count, arguments)) return *code;
  if (!choice.all_ranks && !alignment::speaks_for_the_job())
    return static_cast<int>(ExitCode::kDone);  // one process of an mpirun does the work
  return alignment::run_on_ranks(choice.all_ranks ? alignment::Ranks::kAll : alignment::Ranks::kThisOne, argument_count,
                                 arguments, alignment::DistConfig{}.timeout(),
                                 [&](alignment::dist::Communicator& communicator) {
                                   measure_and_report(choice, communicator);
                                   return ExitCode::kDone;
                                 });
}

}  // namespace

int main(int argument_count, char** arguments) {
  return alignment::run_program([&] { return start(argument_count, arguments); });
}
