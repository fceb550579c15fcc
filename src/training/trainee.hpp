#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "src/training/course.hpp"
#include "src/training/scores.hpp"

namespace alignment {

/// An epoch, or what is left of it.
struct EpochStart {
  std::int64_t epoch = 0;
  std::int64_t step = 0;                           ///< optimizer steps taken since training began
  std::int64_t step_in_epoch = 0;                  ///< steps of the epoch that a checkpoint has behind it
  std::vector<std::vector<std::int64_t>> batches;  ///< this rank's part of every global batch to come: units
};

/// One optimizer step, over a global batch.
struct Step {
  std::int64_t number = 0;   ///< since training began, from 1
  std::int64_t samples = 0;  ///< units of it
  double learning_rate = 0;
};

/// What this rank's part of one step came to.
struct StepTotals {
  Scores sums;                         ///< of the train scores over this rank's units, before the update
  std::int64_t first_not_finite = -1;  ///< the first unit whose loss is not finite
  bool refused = false;                ///< a loss or gradient of some rank, of this step or one before, is not finite:
                                       ///< the parameters stayed as they were
};

/// Writes to a file what was true when it was made, on any thread. Throws io::WriteError.
using FileContent = std::function<void(const std::filesystem::path&)>;

/// A system that TrainingLoop trains: its model, its arithmetic and the files they make.
///
/// A step is compute(), then apply(). Both may only enqueue work: collect() waits for it. Members are this rank's own
/// unless said otherwise; they throw what their rank alone has met, collective ones dist::AgreedFailure.
class Trainee {
 public:
  virtual ~Trainee() = default;
  Trainee() = default;
  Trainee(const Trainee&) = delete;
  Trainee& operator=(const Trainee&) = delete;

  /// The same for as long as it lives.
  [[nodiscard]] virtual const ScoreNames& score_names() const = 0;
  /// Consecutive units of a global batch that must stay on one rank, so that the sums do not depend on how many there
  /// are.
  [[nodiscard]] virtual std::int64_t samples_kept_together() const = 0;

  /// Collective. Gets ready for the steps of `start`. Returns how many may pass until the ranks have to agree, before
  /// apply(), that all of them come to it.
  virtual std::int64_t begin_epoch(EpochStart start) = 0;
  /// Forward and backward of the next batch.
  virtual void compute(const Step& step) = 0;
  /// Collective. Adds up over ranks and updates, the same on every rank.
  virtual void apply(const Step& step) = 0;
  /// The steps applied since the last call, oldest first.
  [[nodiscard]] virtual std::vector<StepTotals> collect() = 0;
  /// After the last step of an epoch.
  virtual void end_epoch() = 0;

  /// Whether the model is validated after that epoch, where there are validation scores at all.
  [[nodiscard]] virtual bool validates_after(std::int64_t epoch, std::int64_t epochs) const {
    static_cast<void>(epoch), static_cast<void>(epochs);
    return true;
  }
  /// Collective. Scores of the model as it is, the same on every rank. Called where there are validation scores.
  [[nodiscard]] virtual Scores validate() = 0;

  /// On the rank that writes the run's files: the model as it is, and a checkpoint to go on from.
  [[nodiscard]] virtual FileContent model(const Course& course) = 0;
  [[nodiscard]] virtual FileContent checkpoint(const Course& course) = 0;
};

}  // namespace alignment
