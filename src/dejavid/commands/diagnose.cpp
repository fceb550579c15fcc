#include "dist/agreement.hpp"
#include "kernels/variants.hpp"
#include "src/dejavid/commands/command_table.hpp"
#include "src/dejavid/commands/commands.hpp"
#include "src/dejavid/config.hpp"
#include "src/dejavid/cuda/device.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"

namespace alignment {

ExitCode run_diagnosis(const Config& config, dist::Communicator& communicator) {
  GpuReport gpus;
  agreed(communicator, [&] { gpus = report_gpus(); });
  const bool usable = dist::on_all_ranks(communicator, config.dist.device != DeviceChoice::kCpu && !gpus.gpus.empty());
  std::vector<CollectiveCheck> device_checks;
  if (usable) device_checks = choose_device(config, communicator, 1)->check();
  const bool passed = run_doctor(communicator, command_table().program, config,
                                 std::string(kernels::best_variant().name), gpus, device_checks);
  return passed ? ExitCode::kDone : ExitCode::kOther;
}

}  // namespace alignment
