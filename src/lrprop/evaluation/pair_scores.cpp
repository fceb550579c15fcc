#include "src/lrprop/evaluation/pair_scores.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <span>

#include "io/bytes/aligned_memory.hpp"
#include "kernels/dtw.hpp"
#include "kernels/parallel.hpp"
#include "src/lrprop/evaluation/pair_order.hpp"
#include "src/lrprop/evaluation/rank_correlation.hpp"
#include "src/lrprop/evaluation/retrieval.hpp"

namespace alignment::lrprop {
namespace {

/// Multiply-adds of a thread between two looks at the others: a second or less.
constexpr double kWorkBetweenLooks = 5e9;

/// Stands for a tau that is not defined while results are summed over ranks.
constexpr double kNoTau = 2;

/// What a thread needs for a pair. Memory only grows.
struct Scratch {
  /// Of a kernel, as large as it says.
  std::byte* workspace(std::size_t bytes) {
    if (bytes > workspace_bytes) {
      workspace_memory = io::allocate_aligned(bytes);
      workspace_bytes = bytes;
    }
    return workspace_memory.get();
  }

  std::vector<double> distances;
  std::vector<std::int64_t> nearest_of_rows, nearest_of_columns, ranks;
  std::vector<kernels::PathCell> path;
  io::AlignedBytes workspace_memory;
  std::size_t workspace_bytes = 0;
};

template <typename Real>
std::vector<Sequence<Real>> strided(const std::vector<Sequence<Real>>& videos, std::int64_t stride) {
  std::vector<Sequence<Real>> result;
  result.reserve(videos.size());
  for (const Sequence<Real>& video : videos) result.push_back(video.strided(stride));
  return result;
}

/// The videos of one pass over pairs and what it has found so far.
template <typename Real>
class PairPass {
 public:
  PairPass(const std::vector<Sequence<Real>>& videos, const EvaluationSettings& settings)
      : settings_(settings),
        frames_(strided(videos, settings.stride)),
        dtw_frames_(settings.dtw_stride == settings.stride ? std::vector<Sequence<Real>>()
                                                           : strided(videos, settings.dtw_stride)),
        locks_(videos.size()),
        results(3 * (videos.size() * (videos.size() - 1) / 2)),
        nearest(0, 0) {
    for (const Sequence<Real>& video : frames_) {
      firsts_.push_back(static_cast<std::int64_t>(labels.size()));
      if (!video.labelled()) continue;
      queries.push_back({firsts_.back(), video.frames()});
      labels.insert(labels.end(), video.labels().begin(), video.labels().end());
    }
    const auto most = settings.k.empty() ? 0 : *std::max_element(settings.k.begin(), settings.k.end());
    const auto frames = static_cast<std::int64_t>(labels.size());
    if (queries.size() > 1) nearest = NearestFrames(frames, std::min(most, frames));
  }

  [[nodiscard]] std::int64_t work(const VideoPair& pair) const {
    const auto cells = [&](const std::vector<Sequence<Real>>& videos) {
      return at(videos, pair.first).frames() * at(videos, pair.second).frames();
    };
    return (cells(frames_) + (dtw_frames_.empty() ? 0 : cells(dtw_frames_))) * (frames_.front().rows().width + 16);
  }

  void compare(const VideoPair& pair, Scratch& scratch) {
    const bool both_labelled = at(frames_, pair.first).labelled() && at(frames_, pair.second).labelled();
    const std::span<double> result =
        std::span(results).subspan(static_cast<std::size_t>(3 * place_of(pair, std::ssize(frames_))), 3);
    compare_frames(pair, both_labelled, scratch);
    result[0] = tau_b(scratch.nearest_of_rows, scratch.ranks).value_or(kNoTau);
    result[1] = tau_b(scratch.nearest_of_columns, scratch.ranks).value_or(kNoTau);
    if (both_labelled) result[2] = dtw_accuracy(pair, scratch);
  }

 private:
  static const Sequence<Real>& at(const std::vector<Sequence<Real>>& videos, std::int64_t video) {
    return videos[static_cast<std::size_t>(video)];
  }

  /// Nearest frames of both videos, and the distances where DTW takes the same.
  void compare_frames(const VideoPair& pair, bool both_labelled, Scratch& scratch) {
    const Sequence<Real>&a = at(frames_, pair.first), &b = at(frames_, pair.second);
    kernels::Comparison comparison;
    scratch.nearest_of_rows.resize(static_cast<std::size_t>(a.frames()));
    scratch.nearest_of_columns.resize(static_cast<std::size_t>(b.frames()));
    comparison.nearest_of_rows = scratch.nearest_of_rows.data();
    comparison.nearest_of_columns = scratch.nearest_of_columns.data();
    if (both_labelled && dtw_frames_.empty()) comparison.distances = room_for_distances(a, b, scratch);
    if (!both_labelled || nearest.kept() == 0) return compare_rows(a, b, comparison, scratch);

    const auto first = static_cast<std::size_t>(pair.first), second = static_cast<std::size_t>(pair.second);
    comparison.first_row = firsts_[first];
    comparison.first_column = firsts_[second];
    comparison.of_rows = nearest.lists(firsts_[first]);
    comparison.of_columns = nearest.lists(firsts_[second]);
    const std::scoped_lock lists(locks_[first], locks_[second]);
    compare_rows(a, b, comparison, scratch);
  }

  double dtw_accuracy(const VideoPair& pair, Scratch& scratch) {
    const std::vector<Sequence<Real>>& videos = dtw_frames_.empty() ? frames_ : dtw_frames_;
    const Sequence<Real>&a = at(videos, pair.first), &b = at(videos, pair.second);
    if (!dtw_frames_.empty()) {
      kernels::Comparison comparison;
      comparison.distances = room_for_distances(a, b, scratch);
      compare_rows(a, b, comparison, scratch);
    }
    scratch.path.resize(static_cast<std::size_t>(a.frames() + b.frames() - 1));
    const std::int64_t cells =
        kernels::cpu::dtw_path(scratch.distances.data(), a.frames(), b.frames(), scratch.path.data(), nullptr,
                               scratch.workspace(kernels::cpu::dtw_path_workspace_bytes(a.frames(), b.frames())));
    const auto same = std::count_if(scratch.path.begin(), scratch.path.begin() + cells, [&](kernels::PathCell cell) {
      return a.labels()[static_cast<std::size_t>(cell.row)] == b.labels()[static_cast<std::size_t>(cell.column)];
    });
    return static_cast<double>(same) / static_cast<double>(cells);
  }

  static double* room_for_distances(const Sequence<Real>& a, const Sequence<Real>& b, Scratch& scratch) {
    scratch.distances.resize(static_cast<std::size_t>(a.frames() * b.frames()));
    return scratch.distances.data();
  }

  static void compare_rows(const Sequence<Real>& a, const Sequence<Real>& b, const kernels::Comparison& comparison,
                           Scratch& scratch) {
    const std::size_t bytes = kernels::cpu::compare_rows_workspace_bytes(a.frames(), b.frames(), a.rows().width,
                                                                         comparison.of_columns.kept, 1);
    kernels::cpu::compare_rows(a.rows(), b.rows(), comparison, scratch.workspace(bytes), 1);
  }

  const EvaluationSettings& settings_;
  std::vector<Sequence<Real>> frames_, dtw_frames_;  ///< the latter where its stride is another
  std::vector<std::int64_t> firsts_;                 ///< number of each video's first frame among the labelled
  std::vector<std::mutex> locks_;                    ///< of each video's lists

 public:
  std::vector<double> results;       ///< [pairs,3] tau of rows and of columns, DTW accuracy
  std::vector<std::int32_t> labels;  ///< of all labelled videos' frames
  std::vector<QueryVideo> queries;   ///< the labelled videos
  NearestFrames nearest;             ///< of their frames
};

/// Runs all pairs, in slices that end on all ranks together.
template <typename Real>
void share_out(PairPass<Real>& pass, const std::vector<VideoPair>& pairs, int threads, WorkWatch& watch,
               dist::Communicator& communicator) {
  std::vector<std::int64_t> work;
  double total = 0;
  for (const VideoPair& pair : pairs) total += static_cast<double>(work.emplace_back(pass.work(pair)));
  const std::int64_t ranks = communicator.size().value;
  const auto slices = static_cast<std::int64_t>(total / (kWorkBetweenLooks * static_cast<double>(ranks * threads))) + 1;
  const std::vector<std::int64_t> begins = cut_by_work(work, slices * ranks);
  std::vector<Scratch> scratch(static_cast<std::size_t>(threads));
  for (std::int64_t slice = 0; slice < slices; ++slice) {
    const auto part = static_cast<std::size_t>(slice * ranks + communicator.rank().value);
    const std::int64_t first = begins[part], count = begins[part + 1] - first;
    LocalPhase local;
    local.attempt([&] {
      kernels::cpu::parallel_for(threads, count, 1, [&](std::int64_t index, int thread) {
        pass.compare(pairs[static_cast<std::size_t>(first + index)], scratch[static_cast<std::size_t>(thread)]);
      });
    });
    watch.report(count, local);
  }
}

}  // namespace

template <typename Real>
PairScores compare_all(const std::vector<Sequence<Real>>& videos, const EvaluationSettings& settings, WorkWatch& watch,
                       dist::Communicator& communicator) {
  const std::vector<VideoPair> pairs = tournament(std::ssize(videos));
  if (pairs.empty()) return {};
  std::optional<PairPass<Real>> made;
  agreed(communicator, [&] { made.emplace(videos, settings); });
  PairPass<Real>& pass = *made;
  share_out(pass, pairs, settings.threads, watch, communicator);
  communicator.all_reduce(std::span(pass.results), dist::Reduction::kSum);  // every number is one rank's: others have 0

  PairScores scores;
  for (std::int64_t i = 0; i < std::ssize(videos); ++i) {
    for (std::int64_t j = i + 1; j < std::ssize(videos); ++j) {
      const auto place = static_cast<std::size_t>(3 * place_of({i, j}, std::ssize(videos)));
      for (const double tau : std::span(pass.results).subspan(place, 2)) {
        scores.tau.push_back(tau == kNoTau ? std::nullopt : std::optional(tau));
      }
      const auto labelled = [&](std::int64_t video) { return videos[static_cast<std::size_t>(video)].labelled(); };
      if (labelled(i) && labelled(j)) scores.dtw_accuracy.push_back(pass.results[place + 2]);
    }
  }
  if (pass.queries.size() > 1 && !settings.k.empty()) {
    scores.ap = average_precision(pass.nearest, pass.labels, pass.queries, settings.k, communicator);
  }
  return scores;
}

template PairScores compare_all(const std::vector<Sequence<float>>&, const EvaluationSettings&, WorkWatch&,
                                dist::Communicator&);
template PairScores compare_all(const std::vector<Sequence<double>>&, const EvaluationSettings&, WorkWatch&,
                                dist::Communicator&);

}  // namespace alignment::lrprop
