#include "src/lrprop/commands/command_setup.hpp"

#include <optional>

#include "src/config/error.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/network/freed_memory.hpp"
#include "src/lrprop/samples/plain_rows.hpp"

namespace alignment::lrprop {

std::unique_ptr<CudaDevice> choose_device(const Config& config, dist::Communicator& communicator) {
  keep_freed_memory();
  const std::optional<ChosenGpu> chosen = choose_gpu(config.dist, "lrprop_dist", communicator);
  agreed(communicator, [&] {
    if (config.data.cache == CacheChoice::kDevice) {
      throw ConfigError(
          "data.cache: found \"device\"; expected \"auto\", \"memory\" or \"none\": lrprop_dist keeps features in the "
          "host's memory");
    }
  });
  if (!chosen) return nullptr;
  std::unique_ptr<CudaDevice> device = make_cuda_device(*chosen, config.dist.timeout_s, communicator);
  log_info(device->describe());
  return device;
}

Dataset open_dataset(const Config& config, dist::Communicator& communicator, io::ClassMatching matching) {
  return Dataset::open(
      config, communicator,
      [&](const io::TseStore& store) {
        require_same_phases_and_times(store, config, communicator);
        return SampleNeeds{&kPlainRows, {}};
      },
      matching);
}

std::vector<std::filesystem::path> inputs_of(const Config& config) {
  std::vector<std::filesystem::path> inputs = config.data.store;
  inputs.push_back(config.model.init);
  inputs.push_back(config.config_file);
  return inputs;
}

}  // namespace alignment::lrprop
