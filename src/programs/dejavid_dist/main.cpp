#include "src/dejavid/commands/command_table.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/program/system_program.hpp"

namespace {

using alignment::ExitCode;
namespace dejavid = alignment::dejavid;

ExitCode run(const alignment::Invocation& asked, alignment::dist::Communicator& communicator) {
  const auto& config = asked.config_of<dejavid::Config>();
  if (asked.command == "train") return dejavid::run_training(asked, communicator);
  if (asked.command == "doctor") return dejavid::run_diagnosis(config, communicator);
  if (asked.command == "centroids") dejavid::run_centroids(config, asked.option("out"), communicator);
  if (asked.command == "eval") dejavid::run_evaluation(config, asked.given, asked.option("json"), communicator);
  if (asked.command == "neighbours") dejavid::run_neighbours(config, asked.option("json"), communicator);
  if (asked.command == "predict") dejavid::run_prediction(config, asked.given, asked.option("out"), communicator);
  if (asked.command == "align")
    dejavid::run_alignment(config, asked.given, {asked.option("sample"), asked.option("against"), asked.option("out")},
                           communicator);
  if (asked.command == "report")
    dejavid::run_report(config, asked.given, {asked.option("out"), asked.option("feature-names")}, communicator);
  return ExitCode::kDone;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return alignment::run_system(dejavid::command_table(), run, argument_count, arguments);
}
