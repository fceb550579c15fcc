#pragma once

#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/embedded_video.hpp"
#include "src/lrprop/evaluation/evaluate.hpp"
#include "src/training/samples/dataset.hpp"

/// The evaluation as the configuration asks for it.
namespace alignment::lrprop {

[[nodiscard]] EvaluationSettings evaluation_settings(const Config& config, const io::TseStore& store, int threads);
/// Shows its progress as run.progress says, and ends where the process is asked to.
[[nodiscard]] EvaluationWatch evaluation_watch(const Config& config);

/// Videos that an evaluation needs: of the train split and of the one that is judged, with a label, in the order of the
/// store.
[[nodiscard]] std::vector<std::int64_t> evaluated_samples(const io::TseStore& store, const Config& config);

/// Collective. The model's embeddings beside the baselines: the stored features, and the time only.
[[nodiscard]] std::vector<EvaluationResult> evaluate_beside_baselines(const std::vector<EmbeddedVideo>& embedded,
                                                                      Dataset& dataset, const Config& config,
                                                                      int threads, dist::Communicator& communicator);
/// The same where the model is evaluated already.
[[nodiscard]] std::vector<EvaluationResult> beside_baselines(EvaluationResult model, Dataset& dataset,
                                                             const Config& config, int threads,
                                                             dist::Communicator& communicator);

}  // namespace alignment::lrprop
