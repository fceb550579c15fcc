#include "io/store/store_check.hpp"

#include <hdf5.h>

#include <numeric>

#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

TEST(SummarizeStore, CountsWhatIsThere) {
  const TemporaryFolder folder;
  SmallStore small;  // lengths 3 1 5 2 4 7 2
  small.with_frame_labels = true;
  small.phase_names = {"a", "b", "c", "d", "e", "f"};
  small.write(folder / "a.h5", {FeatureType::kFloat16, 2});
  const auto summary = summarize_store(folder / "a.h5");
  EXPECT_EQ(summary.bytes, std::filesystem::file_size(folder / "a.h5"));
  EXPECT_EQ(summary.sample_count, 7);
  EXPECT_EQ(summary.step_count, 24);
  EXPECT_EQ(summary.feature_dim, 6);
  EXPECT_EQ(summary.class_names, small.header().class_names);
  EXPECT_EQ(summary.samples_of, (std::array<std::int64_t, 3>{4, 2, 1}));
  EXPECT_EQ(summary.class_counts, (std::vector<std::int64_t>{3, 2, 2}));
  EXPECT_EQ(summary.class_train_counts, (std::vector<std::int64_t>{2, 1, 1}));
  EXPECT_EQ(summary.shortest, 1);
  EXPECT_EQ(summary.longest, 7);
  EXPECT_EQ(summary.median_length, 3);
  EXPECT_EQ(summary.feature_type, FeatureType::kFloat16);
  EXPECT_EQ(summary.filters, (std::vector<std::string>{"shuffle", "deflate", "fletcher32"}));
  ASSERT_EQ(summary.chunk.size(), 2U);
  EXPECT_EQ(summary.chunk[1], 6) << "whole rows";
  EXPECT_GE(summary.chunk[0] * 6 * 2, 256 << 10);
  EXPECT_LE(summary.chunk[0] * 6 * 2, 1024 << 10);
  EXPECT_GT(summary.feature_bytes, 0U);
  EXPECT_EQ(summary.encoder, "an encoder");
  EXPECT_EQ(summary.source, "a source");
  EXPECT_TRUE(summary.has_digests);
  EXPECT_TRUE(summary.has_frame_labels);
  EXPECT_EQ(summary.phase_names, small.phase_names);
  EXPECT_EQ(summary.gzip_level, 2);
  EXPECT_FALSE(summary.has_timestamps);
  EXPECT_EQ(summary.identity, TseStore({folder / "a.h5"}).identity());
  EXPECT_THROW(static_cast<void>(summarize_store(folder / "b.h5")), StoreError);
}

TEST(CheckStore, FindsNothingInAGoodStore) {
  const TemporaryFolder folder;
  SmallStore small;
  small.with_timestamps = true;
  small.write(folder / "a.h5");
  const auto report = check_store(folder / "a.h5");
  EXPECT_TRUE(report.good());
  EXPECT_TRUE(report.has_digests);
  EXPECT_EQ(report.sample_count, 7);
  EXPECT_EQ(report.samples_read, 7);
  EXPECT_TRUE(report.problems.empty());
}

TEST(CheckStore, SaysWhyAStoreDoesNotOpen) {
  const TemporaryFolder folder;
  const auto report = check_store(folder / "missing.h5");
  EXPECT_FALSE(report.good());
  EXPECT_FALSE(report.opened);
  ASSERT_EQ(report.problems.size(), 1U);
  expect_message(report.problems[0], folder / "missing.h5", {"no such file"});
}

/// Overwrites features with HDF5 itself, so that only the digests (or their finiteness) can tell.
void overwrite_feature(const std::filesystem::path& file, hsize_t row, float value) {
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
              dataset = H5Dopen2(opened, "features", H5P_DEFAULT);
  const hid_t space = H5Dget_space(dataset);
  const hsize_t start[2] = {row, 0}, count[2] = {1, 1};
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr);
  const hid_t memory = H5Screate_simple(2, count, nullptr);
  ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, &value), 0);
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(opened);
}

TEST(CheckStore, GoesOnAfterAProblem) {
  const TemporaryFolder folder;
  SmallStore small;
  small.lengths.assign(60, 1);
  small.write(folder / "a.h5");
  for (const hsize_t row : {3U, 17U, 59U}) overwrite_feature(folder / "a.h5", row, 1000);
  const auto report = check_store(folder / "a.h5");
  EXPECT_TRUE(report.opened);
  EXPECT_FALSE(report.good());
  EXPECT_EQ(report.problem_count, 3);
  EXPECT_EQ(report.samples_read, 57);
  ASSERT_EQ(report.problems.size(), 3U);
  expect_message(report.problems[0], folder / "a.h5", {"features:sample 3 (sample-3)", "digest"});
  expect_message(report.problems[2], folder / "a.h5", {"features:sample 59 (sample-59)", "digest"});
}

TEST(CheckStore, ShowsTheFirstTwentyOfMany) {
  const TemporaryFolder folder;
  SmallStore small;
  small.lengths.assign(30, 1);
  small.write(folder / "a.h5");
  for (hsize_t row = 0; row < 25; ++row) overwrite_feature(folder / "a.h5", row, 1000);
  const auto report = check_store(folder / "a.h5");
  EXPECT_EQ(report.problem_count, 25);
  EXPECT_EQ(report.problems.size(), 20U);
  EXPECT_EQ(report.samples_read, 5);
}

}  // namespace
}  // namespace alignment::io::testing
