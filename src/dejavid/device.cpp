#include "src/dejavid/device.hpp"

#include <optional>

#include "src/config/error.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cpu/device.hpp"
#include "src/dejavid/cuda/device.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"

namespace alignment::dejavid {
FindSampleNeeds needs_of_training(Device& device, const Config& config) {
  return [&](const io::TseStore& store) {
    return SampleNeeds{device.layout(), device.samples_to_keep(store), config.samples.slope};
  };
}

FindSampleNeeds needs_of_evaluation(const Device& device, const Config& config) {
  return [&](const io::TseStore&) { return SampleNeeds{device.layout(), {}, config.samples.slope}; };
}

FindSampleNeeds needs_of_rows(const Config& config) {
  return [&](const io::TseStore&) { return SampleNeeds{nullptr, {}, config.samples.slope}; };
}

void require_path_precision(const Config& config, const Device& device) {
  const PathPrecision found = config.train.path_precision;
  if (found == PathPrecision::kF16 && !device.is_gpu()) {
    throw ConfigError(
        "train.path_precision: found \"f16\" where the CPU computes; expected \"f32\" or \"i8\"; choose one of these, "
        "or a GPU");
  }
}

void require_gradient_precision(const Config& config, const Device& device) {
  if (config.train.gradient_precision == GradientPrecision::kF16 && !device.is_gpu()) {
    throw ConfigError(
        "train.gradient_precision: found \"f16\" where the CPU computes; expected \"f32\"; choose this, or a GPU");
  }
}

std::unique_ptr<Device> choose_device(const Config& config, dist::Communicator& communicator, int threads) {
  const std::optional<ChosenGpu> chosen = choose_gpu(config.dist, "dejavid_dist", communicator);
  if (!chosen) {
    agreed(communicator, [&] {
      if (config.data.cache == CacheChoice::kDevice) {
        throw ConfigError(
            "data.cache: found \"device\" where the CPU computes; expected \"auto\", \"memory\" or \"none\"; choose "
            "one of "
            "these, or a GPU with dist.device = \"cuda\"");
      }
    });
    return std::make_unique<CpuDevice>(config, communicator, threads);
  }
  std::unique_ptr<Device> device;
  agreed(communicator,
         [&] { device = make_cuda_device(config, communicator, chosen->gpu, chosen->backend, chosen->ranks_on_gpu); });
  return device;
}

}  // namespace alignment::dejavid
