#include "src/job/program/system_program.hpp"
#include "src/lrprop/commands/commands.hpp"

namespace {

using alignment::ExitCode;
namespace lrprop = alignment::lrprop;

ExitCode run(const alignment::Invocation& asked, alignment::dist::Communicator& communicator) {
  if (asked.command == "train") return lrprop::run_training(asked, communicator);
  if (asked.command == "doctor") return lrprop::run_diagnosis(asked, communicator);
  if (asked.command == "embed") lrprop::run_embedding(asked, communicator);
  if (asked.command == "eval") lrprop::run_evaluation(asked, communicator);
  if (asked.command == "align") lrprop::run_alignment(asked, communicator);
  if (asked.command == "report") lrprop::run_report(asked, communicator);
  return ExitCode::kDone;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return alignment::run_system(lrprop::command_table(), run, argument_count, arguments);
}
