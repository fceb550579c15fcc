#include "src/dejavid/cuda/batches.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "src/dejavid/config/config.hpp"
#include "src/dejavid/cuda/parameters.hpp"
#include "src/dejavid/sample_features.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/src/dejavid/cuda/small_model.hpp"
#include "tests/stand_ins/cuda/cuda_shim.hpp"

namespace alignment::dejavid {
namespace {

using io::testing::SmallStore;

/// What a user of batches saw of one of them.
struct Seen {
  std::vector<std::byte> features;        ///< [sum of T, stride] in the width of the store, or with slopes in f32
  std::vector<std::int32_t> breakpoints;  ///< [B,C,K-1]
  std::vector<double> distances;          ///< [B,C], only of paths searched in f32
};

/// The user only enqueues copies of what it is given, and never waits: whatever is overwritten before the streams come
/// to it, or comes too late, shows. The emulated GPU starts with NaN in its memory and draws which stream goes on.
class Batches : public ::testing::Test {
 protected:
  Batches() {
    open(io::FeatureType::kFloat32);
    for (std::int64_t round = 0; round < 6; ++round) {
      for (std::int64_t sample = 0; sample < dataset_->store.sample_count(); ++sample) {
        passes_.push_back({(sample + 3 * round) % dataset_->store.sample_count()});
      }
    }
  }

  /// A store of this type, and a model of its features, with their slopes or without.
  void open(io::FeatureType type, bool slopes = false) {
    const std::filesystem::path file = folder_ / (type == io::FeatureType::kFloat32 ? "set.h5" : "half.h5");
    if (!std::filesystem::exists(file)) SmallStore().write(file, {type, 0});
    dataset_ = std::make_unique<Dataset>(io::TseStore({file}), SampleNeeds{nullptr, {}, slopes}, io::SampleCache::kNone,
                                         Config{}, Dataset::wait_for_files);
    model_ = small_model(*dataset_);
  }

  [[nodiscard]] std::vector<std::int64_t> all_samples() const {
    std::vector<std::int64_t> samples(static_cast<std::size_t>(dataset_->store.sample_count()));
    std::iota(samples.begin(), samples.end(), std::int64_t{0});
    return samples;
  }

  /// Goes through all batches, or drops the pass after one. `patient`: waits for each batch's copies before the next.
  std::vector<Seen> look(CudaBatches& batches, CudaParameters& parameters, CudaStream& user, bool ahead, bool patient,
                         bool to_the_end = true) {
    const SearchParameters packed = parameters.live_packed(precision_);
    const bool distances = precision_ == PathPrecision::kF32;
    batches.start(passes_, ahead ? &packed : nullptr,
                  distances ? SearchOutput::kPathsAndDistances : SearchOutput::kPaths);
    std::vector<Seen> seen(to_the_end ? passes_.size() : 1);
    for (Seen& one : seen) {
      const CudaBatch batch = batches.next();
      if (!patient) cuda_shim::enqueue(user.get(), [turns = 0]() mutable { return ++turns > 15; });  // falls behind
      if (!ahead) batches.search(packed);
      const std::int64_t stride = kernels::cuda::feature_stride(model_.feature_dim);
      const std::int64_t width = kernels::cuda::feature_bytes(batch.samples.type);
      one.features.resize(static_cast<std::size_t>(batch.samples.total_steps * stride * width));
      one.breakpoints.resize(static_cast<std::size_t>(batch.samples.count * model_.classes * (model_.steps - 1)));
      const std::int64_t first_row = row(batches, batch);
      copy_to_host(static_cast<const std::byte*>(batch.samples.features) + first_row * stride * width,
                   std::span(one.features), user);
      copy_to_host<std::int32_t>(batch.breakpoints, one.breakpoints, user);
      if (distances) {
        one.distances.resize(static_cast<std::size_t>(batch.samples.count * model_.classes));
        copy_to_host<double>(batch.distances, one.distances, user);
      }
      batches.release();
      if (patient) user.finish();
    }
    return seen;
  }

  /// Where the batch's only sample lies.
  static std::int64_t row(const CudaBatches& batches, const CudaBatch& batch) {
    const auto at = batch.indices.data() - batches.plan().samples.data();
    return batches.plan().rows[static_cast<std::size_t>(at)];
  }

  void compare_with_the_store(const std::vector<Seen>& seen) {
    const std::int64_t stride = kernels::cuda::feature_stride(model_.feature_dim);
    for (std::size_t k = 0; k < seen.size(); ++k) {
      const std::int64_t sample = passes_[k].front(), length = dataset_->store.length(sample);
      std::vector<float> features(static_cast<std::size_t>(length * model_.feature_dim));
      if (model_.slope) {
        const std::vector<float> plain = io::testing::read_features(dataset_->store, sample);
        kernels::cpu::append_slopes(plain.data(), length, dataset_->store.feature_dim(), features.data());
      } else {
        dataset_->store.read_sample(sample, features.data());
      }
      std::vector<float> expected(static_cast<std::size_t>(length * stride)), found(expected.size());
      for (std::int64_t step = 0; step < length; ++step) {
        std::copy_n(features.begin() + step * model_.feature_dim, model_.feature_dim, expected.begin() + step * stride);
      }
      const std::size_t width = dataset_->store.has_half_precision() && !model_.slope ? 2 : 4;
      ASSERT_EQ(seen[k].features.size(), expected.size() * width) << "batch " << k;
      for (std::size_t at = 0; at < found.size(); ++at) {
        std::uint16_t half = 0;
        std::memcpy(width == 2 ? static_cast<void*>(&half) : &found[at], seen[k].features.data() + at * width, width);
        if (width == 2) found[at] = io::widen_half(half);
      }
      ASSERT_EQ(found, expected) << "batch " << k;
    }
  }

  /// Passes of an impatient user under many orders of the streams, against one that waits for everything.
  void check(bool kept, bool ahead, std::int64_t group_bytes, std::int64_t expected_group) {
    const auto wait = [](cudaEvent_t event) { check_cuda(cudaEventSynchronize(event), "cudaEventSynchronize"); };
    const std::vector<std::int64_t> to_keep = kept ? all_samples() : std::vector<std::int64_t>();
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(seed);
      cuda_shim::set_seed(seed);
      CudaStream user;
      CudaParameters parameters(model_, user);
      BatchLimits limits;
      limits.group_bytes = group_bytes;
      CudaBatches batches(*dataset_, model_, to_keep, user, wait, limits);
      const std::vector<Seen> first = look(batches, parameters, user, ahead, false);
      ASSERT_EQ(batches.plan().group_size, expected_group);
      std::reverse(passes_.begin(), passes_.end());
      const std::vector<Seen> dropped = look(batches, parameters, user, ahead, false, false);
      const std::vector<Seen> second = look(batches, parameters, user, ahead, false);
      const std::vector<Seen> patient = look(batches, parameters, user, ahead, true);
      compare_with_the_store(second);
      for (std::size_t k = 0; k < first.size(); ++k) {
        ASSERT_EQ(second[k].breakpoints, patient[k].breakpoints) << "batch " << k;
        ASSERT_EQ(second[k].distances, patient[k].distances) << "batch " << k;
        ASSERT_EQ(first[first.size() - 1 - k].breakpoints, patient[k].breakpoints) << "batch " << k;
        ASSERT_EQ(first[first.size() - 1 - k].distances, patient[k].distances) << "batch " << k;
      }
      std::reverse(passes_.begin(), passes_.end());
      compare_with_the_store(first);
    }
  }

  TemporaryFolder folder_;
  Model model_;
  std::unique_ptr<Dataset> dataset_;
  std::vector<std::vector<std::int64_t>> passes_;  ///< one sample a batch
  PathPrecision precision_ = PathPrecision::kF32;
};

TEST_F(Batches, InGroupsOfOneUploadedAnew) {
  check(false, true, 1, 1);
}

TEST_F(Batches, InGroupsOfOneSearchedByTheUser) {
  check(false, false, 1, 1);
}

TEST_F(Batches, InLargeGroups) {
  check(false, true, 1 << 20, kMostBatchesInGroup);
}

TEST_F(Batches, InLargeGroupsSearchedByTheUser) {
  check(false, false, 1 << 20, kMostBatchesInGroup);
}

TEST_F(Batches, SearchedInLessThanF32) {
  for (const PathPrecision precision : {PathPrecision::kF16, PathPrecision::kI8}) {
    SCOPED_TRACE(choice_name(precision));
    precision_ = precision;
    check(false, true, 1, 1);
    check(false, false, 1 << 20, kMostBatchesInGroup);
  }
}

TEST_F(Batches, EveryPrecisionIsOneOfTheKernels) {
  CudaStream user;
  CudaParameters parameters(model_, user);
  ASSERT_EQ(kernels::cuda::search_precisions().size(), kChoiceNames<PathPrecision>.size());
  for (const PathPrecision precision : {PathPrecision::kF32, PathPrecision::kF16, PathPrecision::kI8}) {
    EXPECT_EQ(parameters.live_packed(precision).index(), static_cast<std::size_t>(precision));
  }
}

TEST_F(Batches, OfAStoreOfHalves) {
  open(io::FeatureType::kFloat16);
  check(false, true, 1, 1);
  check(false, false, 1 << 20, kMostBatchesInGroup);
  check(true, true, 1, 1);
}

TEST_F(Batches, WithSlopes) {
  for (const io::FeatureType type : {io::FeatureType::kFloat32, io::FeatureType::kFloat16}) {
    SCOPED_TRACE(type == io::FeatureType::kFloat32 ? "f32" : "f16");
    open(type, true);
    ASSERT_EQ(model_.feature_dim, 12);
    check(false, true, 1, 1);
    check(false, false, 1 << 20, kMostBatchesInGroup);
    check(true, true, 1, 1);
    check(true, false, 1, 1);
  }
}

TEST_F(Batches, WithSlopesSearchedInLessThanF32) {
  open(io::FeatureType::kFloat16, true);
  for (const PathPrecision precision : {PathPrecision::kF16, PathPrecision::kI8}) {
    SCOPED_TRACE(choice_name(precision));
    precision_ = precision;
    check(false, true, 1, 1);
    check(true, false, 1, 1);
  }
}

/// Slopes are made in GPU memory: what goes there is what the store holds.
TEST_F(Batches, SlopesTakeNoPinnedMemoryAndNoPlaceInAGroup) {
  CudaStream user;
  std::vector<std::size_t> pinned;
  std::vector<std::int64_t> group_sizes;
  for (const bool slopes : {false, true}) {
    open(io::FeatureType::kFloat16, slopes);
    CudaParameters parameters(model_, user);
    const SearchParameters packed = parameters.live_packed(PathPrecision::kF32);
    const std::size_t before = cuda_shim::held().pinned_bytes;
    BatchLimits limits;
    limits.group_bytes = 800;
    CudaBatches batches(
        *dataset_, model_, {}, user, [](cudaEvent_t) {}, limits);
    batches.start(passes_, &packed);
    pinned.push_back(cuda_shim::held().pinned_bytes - before);
    group_sizes.push_back(batches.plan().group_size);
    const CudaBatch batch = batches.next();
    EXPECT_EQ(batch.features.size(), static_cast<std::size_t>(2 * dataset_->store.length(passes_[0][0]) * 6));
  }
  EXPECT_EQ(pinned[0], pinned[1]);
  EXPECT_EQ(group_sizes[0], group_sizes[1]);
  EXPECT_GT(group_sizes[0], 1);
}

TEST_F(Batches, HalvesTakeHalfThePinnedMemory) {
  CudaStream user;
  CudaParameters parameters(model_, user);
  const SearchParameters packed = parameters.live_packed(PathPrecision::kF32);
  std::vector<std::size_t> pinned;
  for (const io::FeatureType type : {io::FeatureType::kFloat32, io::FeatureType::kFloat16}) {
    if (type == io::FeatureType::kFloat16) open(type);
    const std::size_t before = cuda_shim::held().pinned_bytes;
    CudaBatches batches(*dataset_, model_, {}, user, [](cudaEvent_t) {});
    batches.start(passes_, &packed);
    pinned.push_back(cuda_shim::held().pinned_bytes - before);
    const CudaBatch batch = batches.next();
    const auto numbers = static_cast<std::size_t>(dataset_->store.length(passes_[0][0]) * model_.feature_dim);
    EXPECT_EQ(batch.features.size(), numbers * (type == io::FeatureType::kFloat32 ? 4 : 2));
  }
  EXPECT_EQ(pinned[0], 2 * pinned[1]);
}

TEST_F(Batches, OnlyASearchInF32KnowsDistances) {
  CudaStream user;
  CudaParameters parameters(model_, user);
  CudaBatches batches(*dataset_, model_, {}, user, [](cudaEvent_t) {});
  const SearchParameters half = parameters.live_packed(PathPrecision::kF16);
  EXPECT_THROW(batches.start(passes_, &half, SearchOutput::kPathsAndDistances), std::logic_error);
  const SearchParameters quantized = parameters.live_packed(PathPrecision::kI8);
  EXPECT_THROW(batches.start(passes_, &quantized, SearchOutput::kPathsAndDistances), std::logic_error);
  batches.start(passes_, nullptr, SearchOutput::kPathsAndDistances);
  static_cast<void>(batches.next());
  EXPECT_THROW(batches.search(half), std::logic_error);
}

TEST_F(Batches, APassThatIsALittleLargerFindsRoom) {
  CudaStream user;
  CudaParameters parameters(model_, user);
  CudaBatches batches(*dataset_, model_, {}, user, [](cudaEvent_t) {});
  const SearchParameters packed = parameters.live_packed(PathPrecision::kF32);
  std::vector<std::int64_t> batch;
  for (std::int64_t n = 0; n < 24; ++n) batch.push_back(n % dataset_->store.sample_count());
  batches.start({batch, batch}, &packed, SearchOutput::kPathsAndDistances);
  const std::int64_t device = device_memory().held;
  const std::size_t pinned = cuda_shim::held().pinned_bytes;
  batch.push_back(0);
  batches.start({batch, batch}, &packed, SearchOutput::kPathsAndDistances);
  EXPECT_EQ(device_memory().held, device);
  EXPECT_EQ(cuda_shim::held().pinned_bytes, pinned);
}

TEST_F(Batches, Kept) {
  check(true, true, 1, 1);
}

TEST_F(Batches, KeptSearchedByTheUser) {
  check(true, false, 1, 1);
}

}  // namespace
}  // namespace alignment::dejavid
