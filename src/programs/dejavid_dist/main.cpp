#include "src/dejavid/commands/command_table.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config.hpp"
#include "src/job/system_program.hpp"

namespace {

using alignment::ExitCode;

ExitCode run(const alignment::Invocation& asked, alignment::dist::Communicator& communicator) {
  const auto& config = asked.config_of<alignment::Config>();
  if (asked.command == "train") return alignment::run_training(config, asked.given, communicator);
  if (asked.command == "doctor") return alignment::run_diagnosis(config, communicator);
  if (asked.command == "centroids") alignment::run_centroids(config, asked.option("out"), communicator);
  if (asked.command == "eval") alignment::run_evaluation(config, asked.given, asked.option("json"), communicator);
  if (asked.command == "predict") alignment::run_prediction(config, asked.given, asked.option("out"), communicator);
  return ExitCode::kDone;
}

}  // namespace

int main(int argument_count, char** arguments) {
  return alignment::run_system(alignment::command_table(), run, argument_count, arguments);
}
