#include "src/lrprop/evaluation/support_vectors.hpp"

#include <gtest/gtest.h>
#include <libsvm/svm.h>

#include <algorithm>
#include <cmath>

#include "tests/src/lrprop/evaluation/example_videos.hpp"

namespace alignment::lrprop {
namespace {

const StopFlag kGoOn = false;

/// What libsvm itself predicts, from frames in the order of their labels.
std::vector<std::int32_t> predict_by_libsvm(const PooledFrames& train, const PooledFrames& judged, double gamma) {
  const auto nodes_of = [](const PooledFrames& frames, std::int64_t frame) {
    std::vector<double> row(static_cast<std::size_t>(frames.width()));
    frames.read(frame, 1, row.data());
    std::vector<svm_node> nodes;
    for (std::size_t e = 0; e < row.size(); ++e) nodes.push_back({static_cast<int>(e) + 1, row[e]});
    nodes.push_back({-1, 0});
    return nodes;
  };
  std::vector<std::int64_t> order;
  for (std::int64_t n = 0; n < train.count(); ++n) order.push_back(n);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return train.labels()[static_cast<std::size_t>(a)] < train.labels()[static_cast<std::size_t>(b)];
  });
  std::vector<std::vector<svm_node>> rows;
  std::vector<double> labels;
  for (const std::int64_t frame : order) {
    rows.push_back(nodes_of(train, frame));
    labels.push_back(train.labels()[static_cast<std::size_t>(frame)]);
  }
  std::vector<svm_node*> pointers;
  for (auto& row : rows) pointers.push_back(row.data());
  const svm_problem problem{static_cast<int>(labels.size()), labels.data(), pointers.data()};
  svm_parameter parameters{};
  parameters.svm_type = C_SVC;
  parameters.kernel_type = RBF;
  parameters.gamma = gamma;
  parameters.cache_size = 10;
  parameters.eps = 1e-3;
  parameters.C = 1;
  parameters.shrinking = 1;
  svm_model* model = svm_train(&problem, &parameters);
  std::vector<std::int32_t> predicted;
  for (std::int64_t n = 0; n < judged.count(); ++n) {
    predicted.push_back(static_cast<std::int32_t>(svm_predict(model, nodes_of(judged, n).data())));
  }
  svm_free_and_destroy_model(&model);
  return predicted;
}

TEST(SupportVectors, PredictAsLibsvmDoes) {
  for (const std::int32_t phases : {2, 3, 6}) {
    ExampleVideos examples;
    examples.phases = phases;
    examples.width = 6;
    std::vector<EmbeddedVideo> train, judged;
    examples.add(train, io::Split::kTrain, 6, 60);
    examples.add(judged, io::Split::kValidation, 6, 70);  // more than one block
    const auto train_sequences = sequences_of(train), judged_sequences = sequences_of(judged);
    const PooledFrames train_frames = pool(train_sequences), judged_frames = pool(judged_sequences);
    const SupportVectors machine(train_frames, 0, kGoOn);
    const std::vector<std::int32_t> predicted = machine.predict(judged_frames, kGoOn);
    EXPECT_EQ(predicted, predict_by_libsvm(train_frames, judged_frames, machine.gamma()));
    const auto right = static_cast<double>(count_right(judged_frames, predicted));
    EXPECT_GT(right / static_cast<double>(judged_frames.count()), 1.5 / phases);
    EXPECT_LT(right, static_cast<double>(judged_frames.count()));
  }
}

TEST(SupportVectors, GammaIsThatOfSklearn) {
  // Numbers 0, 2, 4, 6: mean 3, variance 5; two a frame.
  const EmbeddedVideo video{"a", io::Split::kTrain, 0, 2, {0, 2, 4, 6}, {0, 1}, {}};
  const auto sequences = sequences_of({video});
  EXPECT_DOUBLE_EQ(SupportVectors(pool(sequences), 0, kGoOn).gamma(), 0.1);
}

TEST(SupportVectors, IdenticalFramesHaveAGammaOfOneAndAPrediction) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {2, 2, 2, 2}, {0, 1, 2, 1})});
  const SupportVectors machine(pool(sequences), 0, kGoOn);
  EXPECT_EQ(machine.gamma(), 1);
  const std::vector<std::int32_t> predicted = machine.predict(pool(sequences), kGoOn);
  EXPECT_EQ(predicted.size(), 4U);
  EXPECT_EQ(std::count(predicted.begin(), predicted.end(), predicted[0]), 4);
}

TEST(SupportVectors, ASinglePhaseIsPredicted) {
  const auto train = sequences_of({line_video("a", io::Split::kTrain, {1, 2}, {3, 3})});
  const auto judged = sequences_of({line_video("b", io::Split::kValidation, {7, 8, 9}, {3, 0, 3})});
  EXPECT_EQ(SupportVectors(pool(train), 0, kGoOn).predict(pool(judged), kGoOn), (std::vector<std::int32_t>{3, 3, 3}));
}

TEST(SupportVectors, PhasesNeedNotBeginAtZeroNorBeComplete) {
  const auto train =
      sequences_of({line_video("a", io::Split::kTrain, {0, 0.1F, 5, 5.1F, 9, 9.1F}, {7, 7, 2, 2, 4, 4})});
  EXPECT_EQ(SupportVectors(pool(train), 0, kGoOn).predict(pool(train), kGoOn), pool(train).labels());
}

TEST(SupportVectors, TooManyFramesAreThinnedEvenly) {
  // Of ten frames the first, fourth and seventh: phases 0, 0, 1; all others would say phase 2.
  const auto sequences = sequences_of(
      {line_video("a", io::Split::kTrain, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 2, 2, 0, 2, 2, 1, 2, 2, 2})});
  const SupportVectors machine(pool(sequences), 3, kGoOn);
  EXPECT_EQ(machine.trained_on(), 3);
  const std::vector<std::int32_t> predicted = machine.predict(pool(sequences), kGoOn);
  EXPECT_EQ(std::count(predicted.begin(), predicted.end(), 2), 0);
  EXPECT_EQ(SupportVectors(pool(sequences), 10, kGoOn).trained_on(), 10);
  EXPECT_EQ(SupportVectors(pool(sequences), 0, kGoOn).trained_on(), 10);
}

TEST(SupportVectors, PredictionCanBeStopped) {
  const auto sequences = sequences_of({line_video("a", io::Split::kTrain, {0, 1, 2, 3}, {0, 0, 1, 1})});
  const SupportVectors machine(pool(sequences), 0, kGoOn);
  const StopFlag stop = true;
  EXPECT_THROW(static_cast<void>(machine.predict(pool(sequences), stop)), FitStopped);
}

}  // namespace
}  // namespace alignment::lrprop
