#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "io/store/sample_stream.hpp"
#include "io/store/tse_store.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/engine.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/job/environment/collective_checks.hpp"
#include "src/training/phases.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// Whose gradients an engine adds up: training's, or for comparison with a step that need not wait for other ranks.
enum class GradientSum : std::uint8_t { kOverRanks, kOfThisRank };

/// One sum of gradients over ranks, alone.
struct ReductionTime {
  std::int64_t bytes = 0;  ///< that every rank brings
  double seconds = 0;      ///< by the slowest rank
};

struct Config;

/// Where this rank computes. What it makes refers to its arguments and must not outlive it.
class Device {
 public:
  virtual ~Device() = default;
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// One line about what all ranks compute with, for the log.
  [[nodiscard]] virtual std::string describe() const = 0;
  [[nodiscard]] virtual bool is_gpu() const = 0;
  /// What adds up the gradients of ranks: "nccl", "mpi" or "none".
  [[nodiscard]] virtual std::string backend_name() const = 0;
  /// The most memory of this device that was ever taken, in bytes; 0 on the CPU.
  [[nodiscard]] virtual std::int64_t peak_bytes() const = 0;

  /// Collective. Sends known values through what adds up gradients and compares with what must arrive; none on the CPU,
  /// whose ranks have check_collectives(). Throws dist::AgreedFailure.
  [[nodiscard]] virtual std::vector<CollectiveCheck> check() = 0;

  /// Collective. Times what adds up gradients: the sum of two arrays of `parameters` numbers. Throws
  /// dist::AgreedFailure.
  [[nodiscard]] virtual ReductionTime time_reduction(std::int64_t parameters) = 0;

  /// How it reads samples: in blocks of features (kernels/blocks.hpp), with their slopes where data.slope says so, or
  /// nullptr for rows in the width of the store.
  [[nodiscard]] virtual const io::SampleLayout* layout() const = 0;
  /// Collective. The samples whose features training keeps in this device's memory: none on any rank where data.cache
  /// does not let it, or they do not fit. Throws dist::AgreedFailure where data.cache asks for it all the same.
  [[nodiscard]] virtual std::vector<std::int64_t> samples_to_keep(const io::TseStore& store) = 0;
  /// Collective. Trains a model that starts as `model`, counting its time in `phases`. Throws dist::AgreedFailure.
  [[nodiscard]] virtual std::unique_ptr<Engine> make_engine(Dataset& dataset, const Model& model, PhaseClock& phases,
                                                            GradientSum sum = GradientSum::kOverRanks) = 0;
  /// Aligns with the parameters of `model`.
  [[nodiscard]] virtual std::unique_ptr<Aligner> make_aligner(Dataset& dataset, const Model& model) = 0;
};

/// What `device` asks of the reader of the samples that it trains on, or sees once; and what is asked by those who need
/// rows only. `config` says of which settings, as they are when the samples are opened.
[[nodiscard]] FindSampleNeeds needs_of_training(Device& device, const Config& config);
[[nodiscard]] FindSampleNeeds needs_of_evaluation(const Device& device, const Config& config);
[[nodiscard]] FindSampleNeeds needs_of_rows(const Config& config);

/// Refuses a train.path_precision that `device` does not search paths in. Throws ConfigError.
void require_path_precision(const Config& config, const Device& device);

/// The same of train.gradient_precision.
void require_gradient_precision(const Config& config, const Device& device);

/// Collective. The device that dist.device and dist.backend ask for; `threads` compute on the CPU. `config` and
/// `communicator` must outlive it. Throws dist::AgreedFailure where choose_gpu() does, and where data.cache does
/// not fit the device.
[[nodiscard]] std::unique_ptr<Device> choose_device(const Config& config, dist::Communicator& communicator,
                                                    int threads);

}  // namespace alignment::dejavid
