#include "src/dejavid/cuda/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cpu/aligner.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/dejavid/sample_features.hpp"
#include "src/training/phases.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/src/dejavid/cuda/small_model.hpp"
#include "tests/stand_ins/cuda/cuda_shim.hpp"

namespace alignment::dejavid {
namespace {

using io::testing::SmallStore;

class Engines : public ::testing::Test {
 protected:
  Engines() {
    SmallStore().write(folder_ / "set.h5");
    open("set.h5", false);
  }

  /// The store, and a model of its features, with their slopes or without.
  void open(const char* file, bool slopes) {
    io::TseStore store(std::vector<std::filesystem::path>{folder_ / file});
    dataset_ = std::make_unique<Dataset>(std::move(store), SampleNeeds{nullptr, {}, slopes}, io::SampleCache::kNone,
                                         Config{}, Dataset::wait_for_files);
    model_ = small_model(*dataset_);
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
        evaluate_sample(distances, dataset_->store.label(samples[b]), config_.train.loss_rule(), probabilities).loss;
  }
  EXPECT_NEAR(loss_of_step(Refresh::kBatch), loss_of_the_search, 1e-12);
  // Otherwise the line above would say nothing.
  const double along_the_paths = loss_of_step(Refresh::kEpoch);
  EXPECT_GT(std::abs(along_the_paths - loss_of_the_search), 1e-11);
  EXPECT_NEAR(along_the_paths, loss_of_the_search, 1e-5);
}

/// Distances and paths of every batch of a pass.
struct Aligned {
  std::vector<double> distances;
  std::vector<std::int32_t> paths;
};

Aligned align_all(Aligner& aligner, const std::vector<std::vector<std::int64_t>>& batches, AlignerOutput wanted) {
  Aligned all;
  aligner.start(batches, PathSource::kLive, wanted);
  for (std::size_t k = 0; k < batches.size(); ++k) {
    const AlignedBatch batch = aligner.next();
    EXPECT_TRUE(std::equal(batch.samples.begin(), batch.samples.end(), batches[k].begin(), batches[k].end()));
    all.distances.insert(all.distances.end(), batch.distances.begin(), batch.distances.end());
    all.paths.insert(all.paths.end(), batch.paths.begin(), batch.paths.end());
  }
  return all;
}

/// Batches of several sizes, of none too, in groups; on the emulated GPU and on the CPU.
TEST_F(Engines, PathsThatAreAskedForAreThoseOfTheCpu) {
  const std::vector<std::vector<std::int64_t>> batches{{0, 1, 2}, {}, {5}, {3, 4}, {6, 0, 1, 2, 3}, {}};
  SmallStore().write(folder_ / "half.h5", {io::FeatureType::kFloat16, 0});
  for (const char* const file : {"set.h5", "half.h5"}) {
    for (const bool slopes : {false, true}) {
      for (const bool diagonal : {false, true}) {
        SCOPED_TRACE(std::string(file) + (slopes ? " with slopes" : "") + (diagonal ? " diagonal" : ""));
        open(file, slopes);
        model_.diagonal = diagonal;
        CudaEngine engine(config_, *alone_, false, *dataset_, model_, {}, phases_);
        const Aligned found = align_all(engine.aligner(), batches, AlignerOutput::kDistancesAndPaths);
        EXPECT_EQ(found.paths.size(), 11U * 3U * 2U);
        const Aligned without = align_all(engine.aligner(), batches, AlignerOutput::kDistances);
        EXPECT_TRUE(without.paths.empty());
        EXPECT_EQ(without.distances, found.distances);
        EXPECT_EQ(align_all(engine.aligner(), batches, AlignerOutput::kDistancesAndPaths).paths, found.paths);

        Dataset blocked(io::TseStore({folder_ / file}),
                        SampleNeeds{slopes ? &kBlockedSlopesLayout : &kBlockedLayout, {}, slopes},
                        io::SampleCache::kNone, Config{}, Dataset::wait_for_files);
        CpuAligner on_cpu(blocked, model_, kernels::TieSign::kZero, 1);
        on_cpu.set_live(model_);
        const Aligned expected = align_all(on_cpu, batches, AlignerOutput::kDistancesAndPaths);
        EXPECT_EQ(found.paths, expected.paths);
        ASSERT_EQ(found.distances.size(), expected.distances.size());
        for (std::size_t n = 0; n < expected.distances.size(); ++n) {
          EXPECT_NEAR(found.distances[n], expected.distances[n], 1e-5 * expected.distances[n]);
        }
        EXPECT_TRUE(align_all(on_cpu, batches, AlignerOutput::kDistances).paths.empty());
      }
    }
  }
}

}  // namespace
}  // namespace alignment::dejavid
