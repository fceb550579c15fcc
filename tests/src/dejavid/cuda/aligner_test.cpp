#include "src/dejavid/cuda/aligner.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "src/dejavid/config/config.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/src/dejavid/cuda/small_model.hpp"
#include "tests/stand_ins/cuda/cuda_shim.hpp"

namespace alignment::dejavid {
namespace {

using io::testing::SmallStore;

class Aligners : public ::testing::Test {
 protected:
  Aligners() {
    SmallStore().write(folder_ / "set.h5");
    io::TseStore store(std::vector<std::filesystem::path>{folder_ / "set.h5"});
    dataset_ = std::make_unique<Dataset>(std::move(store), SampleNeeds{}, io::SampleCache::kNone, Config{},
                                         Dataset::wait_for_files);
    model_ = small_model(*dataset_);
    for (std::int64_t batch = 0; batch < 5 * kMostBatchesInGroup; ++batch) {
      batches_.push_back({batch % 7, (batch + 3) % 7});
    }
  }

  static void wait_for(cudaEvent_t event) { check_cuda(cudaEventSynchronize(event), "cudaEventSynchronize"); }

  TemporaryFolder folder_;
  Model model_;
  std::unique_ptr<Dataset> dataset_;
  std::vector<std::vector<std::int64_t>> batches_;
  CudaStream stream_;
};

/// Or the GPU stands still while the host looks at distances, and while it reads what is to be searched next.
TEST_F(Aligners, TheSearchOfTheGroupAfterIsEnqueuedBeforeAnyoneWaits) {
  for (const PathSource source : {PathSource::kLive, PathSource::kFrozen}) {
    std::int64_t launches_at_a_wait = 0;
    CudaAligner aligner(*dataset_, model_, {}, stream_, [&](cudaEvent_t event) {
      launches_at_a_wait = cuda_shim::held().launches;
      wait_for(event);
    });
    aligner.parameters().set_frozen(model_);
    aligner.start(batches_, source);
    ASSERT_EQ(aligner.plan().group_size, kMostBatchesInGroup);
    const auto launches_of_next = [&] {
      const std::int64_t before = cuda_shim::held().launches;
      static_cast<void>(aligner.next());
      EXPECT_LE(launches_at_a_wait, cuda_shim::held().launches);
      return cuda_shim::held().launches - before;
    };
    const std::int64_t of_two_groups = launches_of_next();
    EXPECT_EQ(launches_at_a_wait, cuda_shim::held().launches);  // all of them before the wait
    for (std::int64_t b = 1; b < kMostBatchesInGroup; ++b) EXPECT_EQ(launches_of_next(), 0) << b;
    const std::int64_t of_a_group = launches_of_next();
    EXPECT_EQ(launches_at_a_wait, cuda_shim::held().launches);
    EXPECT_GT(of_a_group, 0);
    // Uploads and searches of two groups, though distances along frozen paths of one.
    EXPECT_GT(of_two_groups, of_a_group);
  }
}

TEST_F(Aligners, EveryBatchHasItsOwnDistancesAndFeatures) {
  for (const PathSource source : {PathSource::kLive, PathSource::kFrozen}) {
    std::vector<std::vector<double>> alone(7);  // distances of each sample, one at a time
    CudaAligner aligner(*dataset_, model_, {}, stream_, wait_for);
    aligner.parameters().set_frozen(model_);
    for (std::int64_t sample = 0; sample < 7; ++sample) {
      aligner.start({{sample}}, source);
      const AlignedBatch batch = aligner.next();
      alone[static_cast<std::size_t>(sample)].assign(batch.distances.begin(), batch.distances.end());
    }
    const auto classes = static_cast<std::size_t>(model_.classes);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      cuda_shim::set_seed(seed);
      aligner.start(batches_, source);
      for (const std::vector<std::int64_t>& samples : batches_) {
        const AlignedBatch batch = aligner.next();
        ASSERT_TRUE(std::equal(samples.begin(), samples.end(), batch.samples.begin(), batch.samples.end()));
        ASSERT_EQ(batch.distances.size(), samples.size() * classes);
        ASSERT_EQ(batch.features.size(), samples.size());
        for (std::size_t b = 0; b < samples.size(); ++b) {
          const std::vector<double>& expected = alone[static_cast<std::size_t>(samples[b])];
          EXPECT_TRUE(std::equal(expected.begin(), expected.end(),
                                 batch.distances.begin() + static_cast<std::ptrdiff_t>(b * classes)));
          const SampleFeatures& features = batch.features[b];
          ASSERT_EQ(features.length, dataset_->store.length(samples[b]));
          for (std::int64_t step = 0; step < features.length; ++step) {
            EXPECT_EQ(features.at(step, 1), io::testing::value_of(samples[b], step, 1));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace alignment::dejavid
