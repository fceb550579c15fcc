#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/embedded_video.hpp"
#include "src/lrprop/evaluation/evaluate.hpp"
#include "src/lrprop/model/model_content.hpp"
#include "src/lrprop/validation.hpp"
#include "src/training/samples/dataset.hpp"

/// The evaluation as the configuration asks for it.
namespace alignment::lrprop {

[[nodiscard]] EvaluationSettings evaluation_settings(const Config& config, const io::TseStore& store, int threads);
/// Shows its progress as run.progress says, and ends where the process is asked to.
[[nodiscard]] EvaluationWatch evaluation_watch(const Config& config);

/// Videos that an evaluation needs: of the train split and of the one that is judged, with a label, in the order of the
/// store.
[[nodiscard]] std::vector<std::int64_t> evaluated_samples(const io::TseStore& store, const Config& config);

/// Collective. The model's embeddings beside the baselines: the features as the model's network is given them, and the
/// time only.
[[nodiscard]] std::vector<EvaluationResult> evaluate_beside_baselines(const std::vector<EmbeddedVideo>& embedded,
                                                                      const ModelContent& content, Dataset& dataset,
                                                                      const Config& config, int threads,
                                                                      dist::Communicator& communicator);
/// The same where the model is evaluated already; of `content` its standardising is used.
[[nodiscard]] std::vector<EvaluationResult> beside_baselines(EvaluationResult model, const ModelContent& content,
                                                             Dataset& dataset, const Config& config, int threads,
                                                             dist::Communicator& communicator);

/// The evaluation as a run's validation: of eval.split's videos that have a label.
class RunValidation final : public Validation {
 public:
  /// What is passed by reference must outlive it.
  RunValidation(const Config& config, Dataset& dataset, int threads, dist::Communicator& communicator);

  /// Whether there are any.
  [[nodiscard]] bool judges() const { return !judged_.samples.empty(); }
  void name_scores(ScoreNames& names) const override;
  [[nodiscard]] bool is_due(std::int64_t epoch, std::int64_t epochs) const override;
  [[nodiscard]] Scores validate(const Network& network) override;

  /// What the last one found; nothing where there was none.
  [[nodiscard]] const std::optional<EvaluationResult>& found() const { return found_; }

 private:
  const Config& config_;
  Dataset& dataset_;
  int threads_;
  dist::Communicator& communicator_;
  EvaluationSplit judged_;
  std::optional<EvaluationResult> found_;
};

}  // namespace alignment::lrprop
