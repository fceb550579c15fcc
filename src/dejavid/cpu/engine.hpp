#pragma once

#include <vector>

#include "dist/communicator.hpp"
#include "kernels/update.hpp"
#include "src/dejavid/cpu/aligner.hpp"
#include "src/dejavid/engine.hpp"
#include "src/training/dataset.hpp"
#include "src/training/phases.hpp"

namespace alignment {

struct Config;

/// Training on the CPU: every call has done its work when it returns.
class CpuEngine final : public Engine {
 public:
  CpuEngine(const Config& config, dist::Communicator& communicator, Dataset& dataset, const Model& model, int threads,
            PhaseClock& phases);

  [[nodiscard]] std::int64_t samples_kept_together() const override { return group_; }
  void load(const Parameters& live) override;
  void load(const Moments& moments) override;
  void fetch(Parameters& live) override;
  void fetch(Moments& moments) override;
  void set_frozen(const Parameters& frozen) override;
  void start_epoch(std::vector<std::vector<std::int64_t>> batches) override;
  void compute(std::int64_t batch_samples) override;
  void apply(const kernels::UpdateRates& rates) override;
  [[nodiscard]] std::int64_t steps_between_agreements() const override { return 1; }
  [[nodiscard]] std::vector<StepTotals> collect() override;
  [[nodiscard]] Aligner& aligner() override { return aligner_; }

 private:
  /// The units [F] of a parameter group's steps (see kernels/update.hpp; empty: none).
  struct Units {
    std::vector<float> unit, rest;
  };
  void update(std::vector<float> Parameters::*group, const Units& units, double lr, const kernels::UpdateRates& rates);

  [[nodiscard]] StepTotals batch_loss(const io::SampleBatch& batch, std::span<const double> distances,
                                      std::int64_t batch_samples);

  const Config& config_;
  dist::Communicator& communicator_;
  Dataset& dataset_;
  PhaseClock& phases_;
  std::int64_t group_;  ///< samples whose gradients are added first
  CpuAligner aligner_;
  int threads_;
  Units centroid_units_, log_weight_units_;

  Parameters live_, gradient_;
  Moments moments_;
  std::vector<float> distance_gradient_;  ///< [B,C] of this rank
  std::vector<double> probabilities_;     ///< [C]
  StepTotals current_;                    ///< of the batch computed last
  std::vector<StepTotals> applied_;       ///< not collected yet
};

}  // namespace alignment
