#include "src/dejavid/cuda_engine.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "src/dejavid/phases.hpp"
#include "tests/cuda_shim/cuda_shim.hpp"
#include "tests/io/io_fixtures.hpp"

namespace dejavid {
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
    dataset_ = std::make_unique<Dataset>(std::move(store), false, io::SampleCache::kNone, false, Config{});
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

}  // namespace
}  // namespace dejavid
