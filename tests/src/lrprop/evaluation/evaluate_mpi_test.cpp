// Every number is the same to the bit, whatever the number of ranks.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dist/errors.hpp"
#include "src/lrprop/evaluation/evaluate.hpp"
#include "src/lrprop/evaluation/report.hpp"
#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

std::unique_ptr<dist::Communicator> all_ranks() {
  return dist::make_mpi_communicator(std::chrono::seconds(60));
}

std::vector<EmbeddedVideo> two_actions() {
  ExampleVideos examples;
  examples.gaps = true;
  examples.ties = true;
  std::vector<EmbeddedVideo> videos;
  for (const std::int32_t action : {0, 1}) {
    examples.add(videos, io::Split::kTrain, 4, 20, action);
    examples.add(videos, io::Split::kValidation, 5 - 3 * action, 18, action);
  }
  videos.push_back(examples.make(io::Split::kValidation, 1, 0));
  return videos;
}

TEST(EvaluateMpi, AsOnOneRank) {
  const std::vector<EmbeddedVideo> videos = two_actions();
  const std::vector<PreciseVideo> clocks = time_only(videos);
  const std::vector<Embedding> embeddings{{"model", &videos}, {"time_only", &clocks}};
  const auto communicator = all_ranks(), alone = dist::make_self_communicator();
  EvaluationSettings settings;
  settings.subsets = 2;
  settings.stride = 2;
  settings.threads = 2;
  const std::string shared = to_json(evaluate(embeddings, settings, {}, *communicator)).dump();
  settings.threads = 1;
  EXPECT_EQ(shared, to_json(evaluate(embeddings, settings, {}, *alone)).dump());
  EXPECT_NE(shared.find("\"tau_b\":0."), std::string::npos);
}

TEST(EvaluateMpi, ListsOfManyQueriesAreJoinedInPieces) {
  ExampleVideos examples;
  examples.width = 1;
  examples.ties = true;
  std::vector<EmbeddedVideo> videos;
  for (const std::int64_t frames : {9'000, 40, 30}) videos.push_back(examples.make(io::Split::kValidation, frames));
  const auto communicator = all_ranks(), alone = dist::make_self_communicator();
  EXPECT_EQ(to_json({evaluate(videos, {}, {}, *communicator)}), to_json({evaluate(videos, {}, {}, *alone)}));
}

TEST(EvaluateMpi, ARequestToOneRankStopsAll) {
  const auto communicator = all_ranks();
  EvaluationWatch watch;
  watch.asked_to_stop = [&] { return communicator->rank().value == communicator->size().value - 1; };
  EXPECT_THROW(static_cast<void>(evaluate(two_actions(), {}, watch, *communicator)), dist::AgreedFailure);
}

TEST(EvaluateMpi, WhatOneRankRefusesAllRefuse) {
  const auto communicator = all_ranks();
  std::vector<EmbeddedVideo> videos = two_actions();
  if (communicator->is_root()) videos[0].frame_labels.pop_back();
  EXPECT_THROW(static_cast<void>(evaluate(videos, {}, {}, *communicator)), dist::AgreedFailure);
}

}  // namespace
}  // namespace alignment::lrprop
