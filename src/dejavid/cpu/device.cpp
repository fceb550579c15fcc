#include "src/dejavid/cpu/device.hpp"

#include <fmt/format.h>

#include <chrono>
#include <span>
#include <vector>

#include "kernels/quantized.hpp"
#include "kernels/variants.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cpu/aligner.hpp"
#include "src/dejavid/cpu/engine.hpp"
#include "src/job/agreed.hpp"

namespace alignment::dejavid {

CpuDevice::CpuDevice(const Config& config, dist::Communicator& communicator, int threads)
    : config_(config), communicator_(communicator), alone_(dist::make_self_communicator()), threads_(threads) {}

std::string CpuDevice::describe() const {
  std::string instructions(kernels::best_variant().name);
  if (config_.train.path_precision == PathPrecision::kI8) {
    instructions += fmt::format(", train.path_precision i8 by {}", kernels::cpu::best_quantized_variant().name);
  }
  return fmt::format("cpu ({}): {} rank{} of {} thread{}, backend {}", instructions, communicator_.size().value,
                     communicator_.size().value == 1 ? "" : "s", threads_, threads_ == 1 ? "" : "s",
                     communicator_.backend_name());
}

const io::SampleLayout* CpuDevice::layout() const {
  return config_.samples.slope ? &kBlockedSlopesLayout : &kBlockedLayout;
}

ReductionTime CpuDevice::time_reduction(std::int64_t parameters) {
  std::vector<double> sums(2 * static_cast<std::size_t>(parameters), 0.0);  // in f64, as training's
  ReductionTime time{static_cast<std::int64_t>(sums.size() * sizeof(double)), 0};
  communicator_.barrier();
  const auto start = std::chrono::steady_clock::now();
  communicator_.all_reduce(std::span(sums), dist::Reduction::kSum);
  time.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  communicator_.all_reduce(std::span(&time.seconds, 1), dist::Reduction::kMax);
  return time;
}

std::unique_ptr<Engine> CpuDevice::make_engine(Dataset& dataset, const Model& model, PhaseClock& phases,
                                               GradientSum sum) {
  dist::Communicator& ranks = sum == GradientSum::kOverRanks ? communicator_ : *alone_;
  std::unique_ptr<Engine> engine;
  agreed(communicator_,
         [&] { engine = std::make_unique<CpuEngine>(config_, ranks, dataset, model, threads_, phases); });
  return engine;
}

std::unique_ptr<Aligner> CpuDevice::make_aligner(Dataset& dataset, const Model& model) {
  auto aligner = std::make_unique<CpuAligner>(dataset, model, kernels::TieSign::kZero, threads_);
  aligner->set_live(model);
  return aligner;
}

}  // namespace alignment::dejavid
