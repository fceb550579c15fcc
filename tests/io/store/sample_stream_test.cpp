#include "io/store/sample_stream.hpp"

#include <hdf5.h>

#include <algorithm>
#include <new>
#include <numeric>
#include <random>

#include "io/bytes/aligned_memory.hpp"
#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

using Batches = std::vector<std::vector<std::int64_t>>;

TEST(FloatPool, GoesOnWhereTheSystemHadNoMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "this sanitizer ends a program that asks for too much";
#else
  FloatPool pool;
  EXPECT_THROW(static_cast<void>(pool.take(std::int64_t{1} << 50U)), std::bad_alloc);
  float* const numbers = pool.take(3);
  numbers[2] = 1;
  EXPECT_THROW(static_cast<void>(pool.take(std::int64_t{1} << 50U)), std::bad_alloc);
  EXPECT_EQ(pool.take(1), numbers + 16);
#endif
}

void expect_batch(const SampleBatch& batch, const std::vector<std::int64_t>& samples, const SmallStore& small) {
  ASSERT_EQ(batch.samples, samples);
  ASSERT_EQ(batch.labels.size(), samples.size());
  ASSERT_EQ(batch.offsets.size(), samples.size() + 1);
  ASSERT_EQ(batch.features.size(), samples.size());
  for (std::size_t b = 0; b < samples.size(); ++b) {
    const auto expected = small.features(samples[b]);
    EXPECT_EQ(batch.labels[b], small.label(samples[b]));
    ASSERT_EQ(batch.offsets[b + 1] - batch.offsets[b], small.lengths[static_cast<std::size_t>(samples[b])]);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), batch.features[b])) << samples[b];
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.features[b]) % 64, 0U);
  }
}

Batches shuffled_batches(std::int64_t samples, std::size_t size, unsigned seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937(seed));
  Batches batches;
  for (std::size_t at = 0; at < order.size(); at += size) {
    batches.emplace_back(order.begin() + static_cast<std::ptrdiff_t>(at),
                         order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), at + size)));
  }
  return batches;
}

SmallStore stream_store() {
  SmallStore small;
  small.lengths.clear();
  for (int n = 0; n < 101; ++n) small.lengths.push_back(1 + n * 7 % 13);
  return small;
}

class SampleStreamTest : public ::testing::TestWithParam<std::tuple<SampleCache, int>> {};

TEST_P(SampleStreamTest, DeliversInTheOrderAsked) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, std::get<0>(GetParam()), std::get<1>(GetParam()));
  for (unsigned epoch = 0; epoch < 3; ++epoch) {
    const auto batches = shuffled_batches(small.count(), 8, epoch);
    stream.start(batches);
    for (const auto& batch : batches) expect_batch(stream.next(), batch, small);
    EXPECT_THROW(static_cast<void>(stream.next()), std::logic_error);
  }
}

TEST_P(SampleStreamTest, StartsAnewAtAnyMoment) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, std::get<0>(GetParam()), std::get<1>(GetParam()));
  for (unsigned round = 0; round < 30; ++round) {
    const auto batches = shuffled_batches(small.count(), 1 + round % 9, round);
    stream.start(batches);
    for (std::size_t n = 0; n < round % 5; ++n) expect_batch(stream.next(), batches[n], small);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SampleStreamTest,
                         ::testing::Combine(::testing::Values(SampleCache::kNone, SampleCache::kMemory),
                                            ::testing::Values(1, 2, 5)));

TEST(SampleStream, EndsAtAnyMoment) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  for (int round = 0; round < 40; ++round) {
    SampleStream stream(store, SampleCache::kNone, 1 + round % 3);
    if (round % 4 == 0) continue;
    stream.start(shuffled_batches(small.count(), 3, 1));
    for (int n = 0; n < round % 7; ++n) static_cast<void>(stream.next());
  }
}

TEST(SampleStream, TakesEmptyAndRepeatedSamples) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, SampleCache::kMemory);
  const Batches batches{{}, {5, 3, 5}, {}, {3}};
  stream.start(batches);
  for (const auto& batch : batches) expect_batch(stream.next(), batch, small);
  stream.start({});
  EXPECT_THROW(static_cast<void>(stream.next()), std::logic_error);
}

TEST(SampleStream, RefusesWhatIsNotThere) {
  const TemporaryFolder folder;
  SmallStore().write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, SampleCache::kNone);
  EXPECT_THROW(static_cast<void>(stream.next()), std::logic_error);
  EXPECT_THROW(stream.start({{0, 7}}), std::out_of_range);
  EXPECT_THROW(stream.start({{-1}}), std::out_of_range);
  EXPECT_THROW(SampleStream(store, SampleCache::kNone, 0), std::invalid_argument);
}

/// The second read of a sample does not need the file any more.
TEST(SampleStream, KeepsInMemoryWhatItHasRead) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream kept(store, SampleCache::kMemory), forgotten(store, SampleCache::kNone);
  const auto batches = shuffled_batches(small.count(), 10, 5);
  for (auto* stream : {&kept, &forgotten}) {
    stream->start(batches);
    for (const auto& batch : batches) expect_batch(stream->next(), batch, small);
  }
  std::filesystem::remove(folder / "a.h5");
  kept.start(batches);
  for (const auto& batch : batches) expect_batch(kept.next(), batch, small);
  forgotten.start(batches);
  EXPECT_THROW(static_cast<void>(forgotten.next()), StoreError);
}

TEST(SampleStream, ThrowsAtTheBatchThatWasStruck) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  {  // sample 50 is not what its digest says
    const hid_t file = H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                dataset = H5Dopen2(file, "features", H5P_DEFAULT);
    const hid_t space = H5Dget_space(dataset);
    const auto before = std::accumulate(small.lengths.begin(), small.lengths.begin() + 50, std::int64_t{0});
    const hsize_t start[2] = {static_cast<hsize_t>(before), 0}, count[2] = {1, 1};
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr);
    const hid_t memory = H5Screate_simple(2, count, nullptr);
    const float value = 12345;
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, &value), 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
  }
  TseStore store({folder / "a.h5"});
  for (const auto cache : {SampleCache::kNone, SampleCache::kMemory}) {
    SampleStream stream(store, cache, 4);
    const Batches batches{{1, 2}, {3, 4}, {60, 50, 40}, {5, 6}, {50}, {7}};
    for (int epoch = 0; epoch < 2; ++epoch) {
      stream.start(batches);
      for (std::size_t n = 0; n < batches.size(); ++n) {
        if (n == 2 || n == 4) {
          expect_message(message_of<StoreError>([&] { static_cast<void>(stream.next()); }), folder / "a.h5",
                         {"sample 50 (sample-50)"});
        } else {
          expect_batch(stream.next(), batches[n], small);
        }
      }
    }
  }
}

TEST(SampleStream, SeveralReadOneStoreAtTheSameTime) {
  const TemporaryFolder folder;
  const auto small = stream_store();
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream one(store, SampleCache::kNone), two(store, SampleCache::kMemory);
  const auto first = shuffled_batches(small.count(), 4, 1), second = shuffled_batches(small.count(), 4, 2);
  one.start(first);
  two.start(second);
  for (std::size_t n = 0; n < first.size(); ++n) {
    expect_batch(one.next(), first[n], small);
    expect_batch(two.next(), second[n], small);
    SmallStore().write(folder / ("while_reading_" + std::to_string(n) + ".h5"));
  }
}

TEST(SampleStream, UsesItsBuffersAgain) {
  const TemporaryFolder folder;
  SmallStore small;
  small.lengths.assign(32, 4);
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, SampleCache::kNone, 2);
  std::vector<const float*> seen;
  for (unsigned epoch = 0; epoch < 4; ++epoch) {
    stream.start(shuffled_batches(32, 4, epoch));
    for (int n = 0; n < 8; ++n) {
      const std::vector<const float*>& features = stream.next().features;
      seen.push_back(*std::min_element(features.begin(), features.end()));
    }
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_LE(std::unique(seen.begin(), seen.end()) - seen.begin(), 3) << "one held and two ahead";
}

TEST(SampleStream, HandsOutKeptSamplesWhereTheyLie) {
  const TemporaryFolder folder;
  SmallStore small;
  small.lengths = {3, 1, 4};
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  SampleStream stream(store, SampleCache::kMemory, 1);
  stream.start({{0, 1, 2}, {2, 0}});
  const std::vector<const float*> first = stream.next().features;
  const std::vector<const float*> again = stream.next().features;
  EXPECT_EQ(again, (std::vector<const float*>{first[2], first[0]}));
}

TEST(SampleStream, HandsOutHalvesAsTheyAreStored) {
  const TemporaryFolder folder;
  SmallStore small;
  small.feature_dim = 5;  // an odd number of halves in some samples
  small.write(folder / "a.h5", {FeatureType::kFloat16, 0});
  TseStore store({folder / "a.h5"});
  for (const SampleCache cache : {SampleCache::kNone, SampleCache::kMemory}) {
    SampleStream stream(store, cache, 2, &kHalfRows);
    const Batches batches{{1, 6, 2}, {2, 0}, {5}, {1, 2}};
    stream.start(batches);
    for (const std::vector<std::int64_t>& samples : batches) {
      const SampleBatch& batch = stream.next();
      EXPECT_TRUE(batch.features.empty());
      ASSERT_EQ(batch.halves.size(), samples.size());
      for (std::size_t b = 0; b < samples.size(); ++b) {
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(batch.halves[b]) % 64, 0U);
        std::vector<float> widened;
        std::transform(batch.halves[b], batch.halves[b] + batch.length(b) * small.feature_dim,
                       std::back_inserter(widened), widen_half);
        EXPECT_EQ(widened, small.features(samples[b])) << samples[b];
      }
    }
  }
}

TEST(SampleStream, ArrangesEverySampleOnce) {
  // Backwards, and one number more than a sample has.
  static int arranged;
  static constexpr SampleLayout kBackwards{
      [](std::int64_t length, std::int64_t feature_dim) { return length * feature_dim + 1; },
      [](const float* rows, std::int64_t length, std::int64_t feature_dim, float* destination) {
        ++arranged;
        std::reverse_copy(rows, rows + length * feature_dim, destination);
        destination[length * feature_dim] = -1;
      }};
  const TemporaryFolder folder;
  SmallStore small;
  small.lengths = {3, 1, 4};
  small.write(folder / "a.h5");
  TseStore store({folder / "a.h5"});
  for (const SampleCache cache : {SampleCache::kNone, SampleCache::kMemory}) {
    arranged = 0;
    SampleStream stream(store, cache, 1, &kBackwards);
    stream.start({{1, 2}, {2, 0}});
    for (const std::vector<std::int64_t>& samples : {std::vector<std::int64_t>{1, 2}, {2, 0}}) {
      const SampleBatch& batch = stream.next();
      for (std::size_t b = 0; b < 2; ++b) {
        auto expected = small.features(samples[b]);
        std::reverse(expected.begin(), expected.end());
        expected.push_back(-1);
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), batch.features[b]));
      }
    }
    EXPECT_EQ(arranged, cache == SampleCache::kNone ? 4 : 3);
  }
}

}  // namespace
}  // namespace alignment::io::testing
