#include "src/dejavid/commands/command_setup.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/errors.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/files/run_frame.hpp"

namespace alignment::dejavid {

void require_samples(const EvaluationSplit& split, const io::TseStore& store, const Config& config) {
  if (!split.samples.empty()) return;
  std::string others;
  for (const auto& [choice, name] : {std::pair(EvalSplit::kTrain, "train"), std::pair(EvalSplit::kVal, "val"),
                                     std::pair(EvalSplit::kTest, "test")}) {
    const std::size_t count = choose_split(store, choice).samples.size();
    if (count > 0 && split.name != std::string_view(name)) {
      others += fmt::format("{}{} {}", others.empty() ? ", but " : " and ", count, name);
    }
  }
  throw io::StoreError(fmt::format("{}:split: found no {} samples{}; expected at least one; choose another eval.split",
                                   config.data.store.front().string(), split.name, others));
}

std::vector<std::filesystem::path> inputs_of(const Config& config) {
  std::vector<std::filesystem::path> inputs = config.data.store;
  inputs.push_back(config.model.init);
  inputs.push_back(config.config_file);
  return inputs;
}

void describe_work(const Dataset& dataset, const Model& model, const Config& config,
                   const dist::Communicator& communicator, const Device& device) {
  const io::TseStore& store = dataset.store;
  log_info(fmt::format("data: {} train, {} val, {} test samples, {} classes, {} features",
                       store.samples_of(io::Split::kTrain).size(), store.samples_of(io::Split::kValidation).size(),
                       store.samples_of(io::Split::kTest).size(), model.classes, model.feature_dim));
  log_info(fmt::format("model: {} centroid steps, {} parameters; {} epochs of batches of {}", model.steps,
                       2 * model.element_count(), config.train.epochs, config.train.batch_size));
  log_info(device.describe());
  describe_hosts(config.dist, communicator);
}

}  // namespace alignment::dejavid
