#include "src/lrprop/evaluation/pair_scores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "src/lrprop/evaluation/rank_correlation.hpp"
#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

PairScores scores_of(const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings) {
  const auto communicator = dist::make_self_communicator();
  WorkWatch watch({}, "pairs", 1, "pairs", *communicator);
  return compare_all(sequences_of(videos), settings, watch, *communicator);
}

/// Every stride-th frame that has a phase, or any frame where the video has no labels at all.
EmbeddedVideo plain_frames(const EmbeddedVideo& video, std::int64_t stride) {
  EmbeddedVideo kept{video.id, video.split, video.label, video.width, {}, {}, {}};
  std::int64_t number = 0;
  for (std::int64_t t = 0; t < video.frames(); ++t) {
    if (!video.frame_labels.empty() && video.frame_labels[static_cast<std::size_t>(t)] < 0) continue;
    if (number++ % stride != 0) continue;
    if (!video.frame_labels.empty()) kept.frame_labels.push_back(video.frame_labels[static_cast<std::size_t>(t)]);
    kept.rows.insert(kept.rows.end(), video.rows.begin() + t * video.width, video.rows.begin() + (t + 1) * video.width);
  }
  return kept;
}

double square(const EmbeddedVideo& a, std::int64_t i, const EmbeddedVideo& b, std::int64_t j) {
  double sum = 0;
  for (std::int64_t e = 0; e < a.width; ++e) {
    const double difference = static_cast<double>(a.rows[static_cast<std::size_t>(i * a.width + e)]) -
                              static_cast<double>(b.rows[static_cast<std::size_t>(j * b.width + e)]);
    sum += difference * difference;
  }
  return sum;
}

std::optional<double> plain_tau(const EmbeddedVideo& a, const EmbeddedVideo& b) {
  std::vector<std::int64_t> nearest, scratch;
  for (std::int64_t i = 0; i < a.frames(); ++i) {
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < b.frames(); ++j) best = square(a, i, b, j) < square(a, i, b, best) ? j : best;
    nearest.push_back(best);
  }
  return tau_b(nearest, scratch);
}

/// By sorting all candidates of every frame.
double plain_precision(const std::vector<EmbeddedVideo>& videos, std::int64_t k) {
  double sum = 0;
  for (const EmbeddedVideo& query : videos) {
    double shares = 0;
    for (std::int64_t i = 0; i < query.frames(); ++i) {
      std::vector<std::pair<double, bool>> candidates;  // in order, the sort keeps it
      for (const EmbeddedVideo& other : videos) {
        for (std::int64_t j = 0; &other != &query && j < other.frames(); ++j) {
          candidates.emplace_back(square(query, i, other, j), other.frame_labels[static_cast<std::size_t>(j)] ==
                                                                  query.frame_labels[static_cast<std::size_t>(i)]);
        }
      }
      std::stable_sort(candidates.begin(), candidates.end(),
                       [](const auto& one, const auto& other) { return one.first < other.first; });
      candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(k)));
      const auto hits = std::count_if(candidates.begin(), candidates.end(), [](const auto& one) { return one.second; });
      shares += static_cast<double>(hits) / static_cast<double>(candidates.size());
    }
    sum += shares / static_cast<double>(query.frames());
  }
  return sum / static_cast<double>(videos.size());
}

/// The recursion as it is written, and the way back.
double plain_dtw_accuracy(const EmbeddedVideo& a, const EmbeddedVideo& b) {
  std::map<std::pair<std::int64_t, std::int64_t>, double> costs;
  const auto cost = [&](std::int64_t i, std::int64_t j) {
    const auto found = costs.find({i, j});
    return found == costs.end() ? std::numeric_limits<double>::infinity() : found->second;
  };
  for (std::int64_t i = 0; i < a.frames(); ++i) {
    for (std::int64_t j = 0; j < b.frames(); ++j) {
      const double before = std::min({cost(i - 1, j - 1), cost(i - 1, j), cost(i, j - 1)});
      costs[{i, j}] = std::sqrt(square(a, i, b, j)) + (i + j == 0 ? 0 : before);
    }
  }
  std::int64_t same = 0, cells = 0, i = a.frames() - 1, j = b.frames() - 1;
  while (true) {
    ++cells;
    same += a.frame_labels[static_cast<std::size_t>(i)] == b.frame_labels[static_cast<std::size_t>(j)] ? 1 : 0;
    if (i == 0 && j == 0) break;
    const double diagonal = cost(i - 1, j - 1), up = cost(i - 1, j), left = cost(i, j - 1);
    const double least = std::min({diagonal, up, left});
    if (diagonal == least || up == least) --i;
    if (diagonal == least || (up != least && left == least)) --j;
  }
  return static_cast<double>(same) / static_cast<double>(cells);
}

/// `labelled` of the videos have labels.
void expect_plain_scores(const std::vector<EmbeddedVideo>& videos, const EvaluationSettings& settings) {
  const PairScores scores = scores_of(videos, settings);
  std::vector<EmbeddedVideo> labelled;
  std::size_t tau = 0, dtw = 0;
  for (std::size_t i = 0; i < videos.size(); ++i) {
    if (!videos[i].frame_labels.empty()) labelled.push_back(plain_frames(videos[i], settings.stride));
    for (std::size_t j = i + 1; j < videos.size(); ++j) {
      const EmbeddedVideo a = plain_frames(videos[i], settings.stride), b = plain_frames(videos[j], settings.stride);
      EXPECT_EQ(scores.tau.at(tau++), plain_tau(a, b));
      EXPECT_EQ(scores.tau.at(tau++), plain_tau(b, a));
      if (videos[i].frame_labels.empty() || videos[j].frame_labels.empty()) continue;
      EXPECT_EQ(scores.dtw_accuracy.at(dtw++), plain_dtw_accuracy(plain_frames(videos[i], settings.dtw_stride),
                                                                  plain_frames(videos[j], settings.dtw_stride)));
    }
  }
  EXPECT_EQ(tau, scores.tau.size());
  EXPECT_EQ(dtw, scores.dtw_accuracy.size());
  for (std::size_t k = 0; k < settings.k.size(); ++k) {
    EXPECT_NEAR(scores.ap.at(k), plain_precision(labelled, settings.k[k]), 1e-14) << settings.k[k];
  }
}

TEST(PairScores, TwoVideosByHand) {
  // Nearest of a's frames 0 1 5: 0 2 2 (of 0.5 and 1.5 the first is as near to 1). Of b's frames 0.5 1.5 6: 0 1 2.
  const std::vector<EmbeddedVideo> videos{line_video("a", io::Split::kValidation, {0, 1, 5}, {0, 0, 1}),
                                          line_video("b", io::Split::kValidation, {0.5, 1.5, 6}, {0, 1, 1})};
  EvaluationSettings settings;
  settings.k = {1, 2};
  const PairScores scores = scores_of(videos, settings);
  // a's nearest: 0 (.5), 0 (.5, .5 tie), 2 (1).
  ASSERT_EQ(scores.tau.size(), 2U);
  EXPECT_DOUBLE_EQ(*scores.tau[0], 2 / std::sqrt(3.0) / std::sqrt(2.0));
  EXPECT_EQ(scores.tau[1], 1);
  // K = 1: a 1 1 1; b 1 0 1. K = 2: a (.5,1.5) 1/2, (.5,1.5) 1/2, (6,1.5) 1; b (0,1) 1, (1,0) 0, (5,1) 1/2.
  EXPECT_DOUBLE_EQ(scores.ap[0], (1 + 2.0 / 3) / 2);
  EXPECT_DOUBLE_EQ(scores.ap[1], (2.0 / 3 + 0.5) / 2);
  // The path is the diagonal: 0-0, 0-1, 1-1.
  ASSERT_EQ(scores.dtw_accuracy.size(), 1U);
  EXPECT_DOUBLE_EQ(scores.dtw_accuracy[0], 2.0 / 3);
}

TEST(PairScores, TheDtwTieRuleDecides) {
  // Everything costs 0: the path goes diagonally from the end, then along what is left.
  const std::vector<EmbeddedVideo> videos{line_video("a", io::Split::kValidation, {0, 0, 0, 0}, {0, 1, 2, 3}),
                                          line_video("b", io::Split::kValidation, {0, 0}, {2, 3})};
  // Cells (3,1) (2,0) (1,0) (0,0): two of four agree.
  EXPECT_EQ(scores_of(videos, {}).dtw_accuracy, std::vector<double>{0.5});
  EXPECT_EQ(scores_of(videos, {}).tau, (std::vector<std::optional<double>>{std::nullopt, std::nullopt}));
}

TEST(PairScores, AsBruteForce) {
  for (const bool ties : {false, true}) {
    for (const auto& [stride, dtw_stride] : {std::pair<int, int>{1, 1}, {3, 1}, {2, 2}, {1, 4}}) {
      ExampleVideos examples;
      examples.gaps = true;
      examples.ties = ties;
      examples.width = ties ? 1 : 18;
      std::vector<EmbeddedVideo> videos;
      examples.add(videos, io::Split::kValidation, 5, 21);
      EvaluationSettings settings;
      settings.stride = stride;
      settings.dtw_stride = dtw_stride;
      settings.k = {1, 3, 10};
      settings.threads = 2;
      expect_plain_scores(videos, settings);
    }
  }
}

TEST(PairScores, VideosOfOneAndTwoFramesAndFewerThanK) {
  ExampleVideos examples;
  std::vector<EmbeddedVideo> videos;
  for (const std::int64_t frames : {1, 2, 1, 3}) videos.push_back(examples.make(io::Split::kValidation, frames));
  EvaluationSettings settings;
  settings.k = {1, 2, 4, 5, 6, 7, 50};
  expect_plain_scores(videos, settings);
}

TEST(PairScores, IdenticalVideosAndFrames) {
  ExampleVideos examples;
  std::vector<EmbeddedVideo> videos(3, examples.make(io::Split::kValidation, 9));
  std::fill(videos[1].rows.begin(), videos[1].rows.end(), 0.25F);
  std::copy_n(videos[0].rows.begin(), 5, videos[0].rows.begin() + 5);
  expect_plain_scores(videos, {});
}

TEST(PairScores, VideosWithoutLabelsCountForTauOnly) {
  ExampleVideos examples;
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kValidation, 4, 12);
  videos[1].frame_labels.clear();
  expect_plain_scores(videos, {});
  for (EmbeddedVideo& video : videos) video.frame_labels.clear();
  const PairScores scores = scores_of(videos, {});
  EXPECT_EQ(scores.tau.size(), 12U);
  EXPECT_TRUE(scores.ap.empty());
  EXPECT_TRUE(scores.dtw_accuracy.empty());
}

TEST(PairScores, ThreadsChangeNothing) {
  ExampleVideos examples;
  std::vector<EmbeddedVideo> videos;
  examples.add(videos, io::Split::kValidation, 9, 40);
  EvaluationSettings settings;
  const PairScores alone = scores_of(videos, settings);
  for (int repeat = 0; repeat < 5; ++repeat) {
    settings.threads = 3;
    const PairScores shared = scores_of(videos, settings);
    EXPECT_EQ(shared.ap, alone.ap);
    EXPECT_EQ(shared.tau, alone.tau);
    EXPECT_EQ(shared.dtw_accuracy, alone.dtw_accuracy);
  }
}

TEST(PairScores, NoPairs) {
  ExampleVideos examples;
  std::vector<EmbeddedVideo> videos;
  EXPECT_TRUE(scores_of(videos, {}).tau.empty());
  videos.push_back(examples.make(io::Split::kValidation, 5));
  EXPECT_TRUE(scores_of(videos, {}).ap.empty());
}

}  // namespace
}  // namespace alignment::lrprop
