#include "src/dejavid/cuda/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>

#include "src/dejavid/config/config.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/training/phases.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/stand_ins/cuda/cuda_shim.hpp"

namespace alignment::dejavid {
namespace {

using io::testing::SmallStore;

class Engines : public ::testing::Test {
 protected:
  Engines() {
    SmallStore().write(folder_ / "set.h5");
    io::TseStore store(std::vector<std::filesystem::path>{folder_ / "set.h5"});
    model_.classes = store.class_count();
    model_.steps = 3;
    model_.feature_dim = store.feature_dim();
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    for (std::int64_t n = 0; n < model_.element_count(); ++n) {
      model_.centroids.push_back(normal(generator));
      model_.log_weights.push_back(normal(generator));
    }
    dataset_ = std::make_unique<Dataset>(std::move(store), SampleNeeds{}, io::SampleCache::kNone, Config{});
  }

  TemporaryFolder folder_;
  Model model_;
  Config config_;
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<dist::DeviceCommunicator> alone_ = dist::make_self_device_communicator();
  PhaseClock phases_;
};

TEST_F(Engines, TheStepAndTheSumsOfRanksComeBeforeUploadsAndPathsLast) {
  int least = 0, greatest = 0;
  check_cuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  const std::size_t others = cuda_shim::stream_priorities().size();
  const CudaEngine engine(config_, *alone_, false, *dataset_, model_, {}, phases_);
  std::vector<int> priorities = cuda_shim::stream_priorities();
  priorities.erase(priorities.begin(), priorities.begin() + static_cast<std::ptrdiff_t>(others));
  // train, communication, uploads, paths
  EXPECT_EQ(priorities, (std::vector<int>{greatest, greatest, (least + greatest) / 2, least}));
}

/// The search has the distances of its own paths, in f64 sums of f32 costs; along the paths they are summed otherwise.
TEST_F(Engines, PathsOfEveryBatchInF32BringTheirDistances) {
  const std::vector<std::int64_t> samples{0, 1, 2, 3, 4, 5, 6};
  const auto loss_of_step = [&](Refresh refresh) {
    config_.train.refresh = refresh;
    CudaEngine engine(config_, *alone_, false, *dataset_, model_, {}, phases_);
    engine.set_frozen(model_);
    engine.start_epoch({samples});
    engine.compute(static_cast<std::int64_t>(samples.size()));
    engine.apply({});
    return engine.collect().at(0).sums.at(kTrainLoss);
  };
  CudaEngine engine(config_, *alone_, false, *dataset_, model_, {}, phases_);
  Aligner& aligner = engine.aligner();
  aligner.start({samples}, PathSource::kLive);
  const AlignedBatch aligned = aligner.next();
  const auto classes = static_cast<std::size_t>(model_.classes);
  std::vector<double> probabilities(classes);
  double loss_of_the_search = 0;
  for (std::size_t b = 0; b < samples.size(); ++b) {
    const std::span<const double> distances = aligned.distances.subspan(b * classes, classes);
    loss_of_the_search +=
        evaluate_sample(distances, dataset_->store.label(samples[b]), config_.train.logit_rule(), probabilities).loss;
  }
  EXPECT_NEAR(loss_of_step(Refresh::kBatch), loss_of_the_search, 1e-12);
  // Otherwise the line above would say nothing.
  const double along_the_paths = loss_of_step(Refresh::kEpoch);
  EXPECT_GT(std::abs(along_the_paths - loss_of_the_search), 1e-11);
  EXPECT_NEAR(along_the_paths, loss_of_the_search, 1e-5);
}

}  // namespace
}  // namespace alignment::dejavid
