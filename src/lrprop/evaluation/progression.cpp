#include "src/lrprop/evaluation/progression.hpp"

#include <algorithm>
#include <cstddef>

#include "src/lrprop/evaluation/least_squares.hpp"

namespace alignment::lrprop {
namespace {

/// e(c) of progression_targets().
std::int64_t end_of_phase(std::span<const std::int32_t> labels, std::int32_t phase) {
  const auto last = std::find(labels.rbegin(), labels.rend(), phase);
  if (last != labels.rend()) return labels.rend() - last - 1;
  const auto later = std::find_if(labels.begin(), labels.end(), [&](std::int32_t label) { return label > phase; });
  return later != labels.end() ? later - labels.begin() : static_cast<std::int64_t>(labels.size()) - 1;
}

/// The targets of every video, [N,P-1].
std::vector<double> targets_of(const PooledFrames& frames, std::span<const std::int32_t> phases) {
  std::vector<double> targets;
  const std::span<const std::int32_t> labels(frames.labels());
  for (std::size_t video = 0; video < frames.firsts().size(); ++video) {
    const auto first = static_cast<std::size_t>(frames.firsts()[video]);
    const bool last = video + 1 == frames.firsts().size();
    const auto end = last ? labels.size() : static_cast<std::size_t>(frames.firsts()[video + 1]);
    const std::vector<double> one = progression_targets(labels.subspan(first, end - first), phases);
    targets.insert(targets.end(), one.begin(), one.end());
  }
  return targets;
}

}  // namespace

std::vector<double> progression_targets(std::span<const std::int32_t> labels, std::span<const std::int32_t> phases) {
  const std::size_t columns = phases.size() - 1;
  std::vector<double> targets(labels.size() * columns);
  for (std::size_t c = 0; c < columns; ++c) {
    const auto end = static_cast<double>(end_of_phase(labels, phases[c]));
    for (std::size_t t = 0; t < labels.size(); ++t) {
      targets[t * columns + c] = (static_cast<double>(t) - end) / static_cast<double>(labels.size());
    }
  }
  return targets;
}

std::vector<double> coefficients_of_determination(const std::vector<double>& targets,
                                                  const std::vector<double>& predictions, std::int64_t columns) {
  std::vector<double> scores;
  const auto width = static_cast<std::size_t>(columns);
  for (std::size_t c = 0; c < width; ++c) {
    double sum = 0, residual = 0, total = 0;
    bool constant = true;
    for (std::size_t n = c; n < targets.size(); n += width) {
      sum += targets[n];
      constant = constant && targets[n] == targets[c];
    }
    const std::size_t frames = targets.size() / width;
    const double mean = sum / static_cast<double>(frames);
    for (std::size_t n = c; n < targets.size(); n += width) {
      residual += (targets[n] - predictions[n]) * (targets[n] - predictions[n]);
      total += (targets[n] - mean) * (targets[n] - mean);
    }
    scores.push_back(constant ? (residual == 0 ? 1.0 : 0.0) : 1 - residual / total);
  }
  return scores;
}

std::vector<double> progression_scores(const PooledFrames& train, const PooledFrames& judged,
                                       std::span<const std::int32_t> phases) {
  const std::int64_t columns = std::ssize(phases) - 1;
  const LeastSquares regression(train, targets_of(train, phases), columns);
  return coefficients_of_determination(targets_of(judged, phases), regression.predict(judged), columns);
}

}  // namespace alignment::lrprop
