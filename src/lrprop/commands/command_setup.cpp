#include "src/lrprop/commands/command_setup.hpp"

#include "src/config/error.hpp"
#include "src/lrprop/samples/plain_rows.hpp"

namespace alignment::lrprop {

void require_device(const Config& config) {
  if (config.dist.device == DeviceChoice::kCuda) {
    throw ConfigError(
        "dist.device: found \"cuda\", but lrprop_dist was built without it; expected \"auto\" or \"cpu\"");
  }
  if (config.dist.backend == BackendChoice::kNccl) {
    throw ConfigError(
        "dist.backend: found \"nccl\", but lrprop_dist was built without it; expected \"auto\" or \"mpi\"");
  }
}

Dataset open_dataset(const Config& config, dist::Communicator& communicator) {
  return Dataset::open(config, communicator, [](const io::TseStore&) { return SampleNeeds{&kPlainRows, {}}; });
}

std::vector<std::filesystem::path> inputs_of(const Config& config) {
  std::vector<std::filesystem::path> inputs = config.data.store;
  inputs.push_back(config.model.init);
  return inputs;
}

Network embedding_network(const ModelContent& content, const Config& config, int threads) {
  NetworkSettings settings;
  settings.sizes = content.sizes;
  settings.loss = config.loss;
  settings.feature_mean = content.feature_mean;
  settings.feature_scale = content.feature_scale;
  settings.threads = threads;
  return {std::move(settings), content.weights, content.statistics};
}

}  // namespace alignment::lrprop
