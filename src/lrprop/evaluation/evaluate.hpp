#pragma once

#include <vector>

#include "dist/communicator.hpp"
#include "src/lrprop/evaluation/embedding.hpp"
#include "src/lrprop/evaluation/result.hpp"
#include "src/lrprop/evaluation/settings.hpp"

namespace alignment::lrprop {

/// Collective. Evaluates each embedding on the videos of settings.split, with probes trained on the train split: phase
/// classification (support vectors, logistic regression), phase progression, average precision at K, Kendall's tau and
/// DTW accuracy (probes.hpp, pair_scores.hpp), action by action. Frames with a label below 0 count for nothing.
///
/// Every rank brings the same embeddings and settings; results are the same on every rank, to the bit, for every number
/// of ranks and threads. What cannot be computed is missing, and a note says why. Throws dist::AgreedFailure.
[[nodiscard]] std::vector<EvaluationResult> evaluate(const std::vector<Embedding>& embeddings,
                                                     const EvaluationSettings& settings, const EvaluationWatch& watch,
                                                     dist::Communicator& communicator);

/// The same of one embedding, by the name "model".
[[nodiscard]] EvaluationResult evaluate(const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings,
                                        const EvaluationWatch& watch, dist::Communicator& communicator);

}  // namespace alignment::lrprop
