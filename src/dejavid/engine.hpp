#pragma once

#include <cstdint>
#include <vector>

#include "kernels/tensors.hpp"
#include "kernels/update.hpp"
#include "src/dejavid/aligner.hpp"
#include "src/dejavid/choices.hpp"
#include "src/dejavid/model.hpp"
#include "src/training/trainee.hpp"

namespace alignment {

/// Where the train scores stand among the sums of StepTotals.
enum TrainScore : std::size_t { kTrainLoss, kTrainTop1 };

/// The arithmetic of training on one device: holds the parameters and the optimizer's state, and takes steps.
///
/// A step is compute(), then apply(). Both may only enqueue work: collect() waits for it. Members are this rank's own
/// unless said otherwise; they throw what their rank alone has met.
class Engine {
 public:
  virtual ~Engine() = default;  ///< gives up what is under way, so that it may go although other ranks will not come
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Consecutive samples of a global batch that must stay on one rank, so that the sums do not depend on how many there
  /// are.
  [[nodiscard]] virtual std::int64_t samples_kept_together() const = 0;

  /// Takes over the live parameters.
  virtual void load(const Parameters& live) = 0;
  virtual void load(const Moments& moments) = 0;
  /// Copies the live parameters, after all steps so far.
  virtual void fetch(Parameters& live) = 0;
  virtual void fetch(Moments& moments) = 0;

  /// Takes over the epoch's frozen copy.
  virtual void set_frozen(const Parameters& frozen) = 0;
  /// Begins an epoch (or the rest of one): this rank's part of every batch to come, as sample indices.
  virtual void start_epoch(std::vector<std::vector<std::int64_t>> batches) = 0;

  /// Paths, distances, loss and gradient of the next batch, for this rank's samples of a global batch of
  /// `batch_samples`.
  virtual void compute(std::int64_t batch_samples) = 0;
  /// Collective: adds up the gradients of all ranks and updates, the same on every rank.
  virtual void apply(const kernels::UpdateRates& rates) = 0;
  /// Steps that may pass after start_epoch() until the ranks have to agree, before apply(), that all of them come to
  /// it.
  [[nodiscard]] virtual std::int64_t steps_between_agreements() const = 0;
  /// The steps applied since the last call, oldest first.
  [[nodiscard]] virtual std::vector<StepTotals> collect() = 0;

  /// Aligns with this engine's parameters. Between epochs only.
  [[nodiscard]] virtual Aligner& aligner() = 0;
};

/// What sign(centroid - m) is where the two are equal.
[[nodiscard]] inline kernels::TieSign tie_sign_of(Profile profile) {
  return profile == Profile::kPaper ? kernels::TieSign::kZero : kernels::TieSign::kMinusOne;
}

}  // namespace alignment
