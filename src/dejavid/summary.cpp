#include "src/dejavid/summary.hpp"

#include <nlohmann/json.hpp>

#include "src/dejavid/trainer.hpp"

namespace alignment {
namespace {

nlohmann::ordered_json to_json(const Milestone& milestone, bool validated) {
  nlohmann::ordered_json json{
      {"epoch", milestone.epoch}, {"train_loss", milestone.train_loss}, {"train_top1", milestone.train_top1}};
  if (validated) {
    json["val_loss"] = milestone.val_loss;
    json["val_top1"] = milestone.val_top1;
    json["val_top5"] = milestone.val_top5;
  }
  return json;
}

std::string summary_of(const Trainer& trainer, const std::string& reason, const nlohmann::ordered_json& exit_code) {
  const bool validated = !trainer.validation().samples.empty();
  nlohmann::ordered_json json{{"exit_reason", reason},
                              {"exit_code", exit_code},
                              {"wall_seconds", trainer.elapsed_seconds()},
                              {"steps", trainer.steps_taken()},
                              {"last", to_json(trainer.last(), validated)}};
  if (trainer.best().epoch >= 0) {
    json["best"] = to_json(trainer.best(), validated);
    json["best"]["chosen_on"] = trainer.validation().name;
  }
  if (validated) json["validated_on"] = trainer.validation().name;
  nlohmann::ordered_json phases;
  for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
    phases[std::string(kPhaseNames[phase])] = trainer.phases().seconds()[phase];
  }
  json["phase_seconds_of_rank_0"] = phases;
  return json.dump(2) + "\n";
}

}  // namespace

std::string running_summary(const Trainer& trainer) {
  return summary_of(trainer, "running", nullptr);
}

std::string closing_summary(const Trainer& trainer, const std::string& reason, int exit_code) {
  return summary_of(trainer, reason, exit_code);
}

}  // namespace alignment
