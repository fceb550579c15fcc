#include "kernels/alignment_variants.hpp"
#include "src/gpu/gpus.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/config/config.hpp"

namespace alignment::lrprop {

ExitCode run_diagnosis(const Invocation& asked, dist::Communicator& communicator) {
  GpuReport gpus;
  agreed(communicator, [&] { gpus = report_gpus(); });
  const bool passed = run_doctor(communicator, command_table().program, asked.config_of<Config>(),
                                 std::string(kernels::cpu::best_alignment_variant().name), gpus);
  return passed ? ExitCode::kDone : ExitCode::kOther;
}

}  // namespace alignment::lrprop
