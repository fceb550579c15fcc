#include "kernels/variants.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/cuda/device.hpp"
#include "src/job/environment/environment.hpp"

namespace alignment {

ExitCode run_diagnosis(const Config& config, dist::Communicator& communicator) {
  GpuReport gpus;
  agreed(communicator, [&] { gpus = report_gpus(); });
  std::int32_t usable = config.dist.device != DeviceChoice::kCpu && !gpus.gpus.empty() ? 1 : 0;
  communicator.all_reduce(std::span(&usable, 1), dist::Reduction::kMin);
  std::vector<CollectiveCheck> device_checks;
  if (usable == 1) device_checks = choose_device(config, communicator, 1)->check();
  const bool passed = run_doctor(communicator, config, std::string(kernels::best_variant().name), gpus, device_checks);
  return passed ? ExitCode::kDone : ExitCode::kOther;
}

}  // namespace alignment
