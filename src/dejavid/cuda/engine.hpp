#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "dist/device_communicator.hpp"
#include "kernels/along_path.hpp"
#include "kernels/loss.hpp"
#include "src/dejavid/cuda/aligner.hpp"
#include "src/dejavid/engine.hpp"
#include "src/gpu/memory.hpp"
#include "src/training/phases.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

struct Config;

/// Training on a GPU. Parameters, moments, gradients and paths stay in its memory; the host enqueues steps and looks at
/// their losses when they are collected.
///
///   paths           of the next group, with the frozen copy
///   uploads         batches of the next group
///   train           distances, loss, gradient by blocks of classes, update
///   communication   sums of those blocks over ranks, each as soon as it is there
///
/// Streams are listed from the last to the first that the GPU starts work of: a search of paths has tens of thousands
/// of blocks, behind which a step would wait for most of a group's search. The last two are equals.
class CudaEngine final : public Engine {
 public:
  /// `kept`: samples whose features stay in GPU memory; see CudaBatches. `communicator` adds up gradients.
  CudaEngine(const Config& config, dist::DeviceCommunicator& communicator, bool several_ranks, Dataset& dataset,
             const Model& model, const std::vector<std::int64_t>& kept, PhaseClock& phases);
  ~CudaEngine() override;

  [[nodiscard]] std::int64_t samples_kept_together() const override { return 1; }
  void load(const Parameters& live) override;
  void load(const Moments& moments) override;
  void fetch(Parameters& live) override;
  void fetch(Moments& moments) override;
  void set_frozen(const Parameters& frozen) override;
  void start_epoch(std::vector<std::vector<std::int64_t>> batches) override;
  void compute(std::int64_t batch_samples) override;
  void apply(const kernels::UpdateRates& rates) override;
  [[nodiscard]] std::int64_t steps_between_agreements() const override;
  [[nodiscard]] std::vector<StepTotals> collect() override;
  [[nodiscard]] Aligner& aligner() override { return aligner_; }

 private:
  /// What the host gets to see of one step.
  struct Result {
    std::vector<std::int64_t> samples;  ///< this rank's
    PinnedBuffer<kernels::SampleLoss> losses;
    PinnedBuffer<std::int32_t> not_finite;
    CudaEvent arrived;
  };
  /// Classes whose gradients are summed over ranks together.
  struct ClassBlock {
    kernels::cuda::ClassRange classes;
    std::span<float> sums;  ///< of gradient_sums_
    std::unique_ptr<CudaEvent> computed;
  };

  /// Enough for the steps between two agreements and the one that is being computed.
  static constexpr std::size_t kResults = kMostBatchesInGroup + 2;

  [[nodiscard]] Result& result(std::int64_t step) { return results_[static_cast<std::size_t>(step) % kResults]; }
  [[nodiscard]] StepTotals totals_of(const Result& result) const;
  void make_blocks();
  void wait(cudaEvent_t event);
  void compute_loss(const CudaBatch& batch, const kernels::cuda::HalfPaths* half_paths, std::int64_t batch_samples,
                    Result& result);
  void compute_gradient(const CudaBatch& batch, const kernels::cuda::HalfPaths* half_paths);
  /// The batch in f16, where distances and gradients are of f16 numbers.
  [[nodiscard]] std::optional<kernels::cuda::HalfPaths> half_paths(const CudaBatch& batch);
  void sum_over_ranks();

  const Config& config_;
  dist::DeviceCommunicator& communicator_;
  bool several_ranks_;
  Dataset& dataset_;
  PhaseClock& phases_;
  kernels::TieSign tie_sign_;

  CudaStream train_{StreamPriority::kHighest};
  CudaStream communication_{StreamPriority::kHighest};  ///< NCCL starts its kernels on it, with its priority
  CudaAligner aligner_;
  std::array<DeviceBuffer<float>, 4> moments_;  ///< [C,K,F], first and second of centroids, then of log-weights
  DeviceBuffer<float> gradient_sums_;           ///< [C,2,K,F]
  std::vector<ClassBlock> blocks_;
  CudaEvent summed_;
  DeviceBuffer<float> distance_gradient_;  ///< [B,C]
  DeviceBuffer<kernels::SampleLoss> losses_;
  DeviceBuffer<std::byte> gradient_workspace_;
  DeviceBuffer<std::byte> half_paths_;     ///< of the batch that is computed
  DeviceBuffer<std::int32_t> not_finite_;  ///< one number, 0 until some sum was not finite

  std::array<Result, kResults> results_;
  std::int64_t computed_ = 0, applied_ = 0, collected_ = 0;  ///< steps since the engine was made
};

}  // namespace alignment::dejavid
