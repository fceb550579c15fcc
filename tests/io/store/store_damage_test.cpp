// Stores that were damaged after they were written: every outcome but the written data and a refusal is wrong.
#include <fcntl.h>
#include <hdf5.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <csignal>
#include <memory>
#include <optional>
#include <random>

#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
namespace {

SmallStore damage_store() {
  SmallStore small;
  small.feature_dim = 16;
  small.with_frame_labels = small.with_timestamps = true;
  small.phase_names = {"reach", "lift", "pour", "put down", "rest", "leave"};
  return small;
}

/// True where the store reads exactly as written, false where it was refused; anything else fails the test.
bool reads_as_written(const std::filesystem::path& file, const SmallStore& small) {
  try {
    TseStore store({file});
    EXPECT_EQ(store.sample_count(), small.count());
    EXPECT_EQ(store.class_names(), small.header().class_names);
    EXPECT_EQ(store.phase_names(), small.phase_names);
    for (std::int64_t n = 0; n < store.sample_count(); ++n) {
      if (store.has_half_precision()) {
        EXPECT_EQ(read_halves(store, n), small.features(n));
      }
      EXPECT_EQ(read_features(store, n), small.features(n));
      EXPECT_EQ(store.label(n), small.label(n));
      EXPECT_EQ(store.split(n), small.split(n));
      EXPECT_EQ(store.id(n), small.id(n));
      EXPECT_TRUE(store.has_frame_labels());
      EXPECT_EQ(store.read_frame_labels(n).front(), static_cast<std::int32_t>(n) - 1);
      EXPECT_TRUE(store.has_timestamps());
      EXPECT_EQ(store.read_timestamps(n).front(), 0.04 * static_cast<double>(n));
    }
    return true;
  } catch (const StoreError& error) {
    expect_message(error.what(), file, {});
    return false;
  } catch (const NotFiniteError& error) {
    expect_message(error.what(), file, {});
    return false;
  }
}

std::string flipped(std::string bytes, std::size_t at, int bit) {
  bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << static_cast<unsigned>(bit)));
  return bytes;
}

/// Where the first chunk of a dataset lies in the file, and how many of its bytes are data.
struct Extent {
  std::size_t begin = 0, size = 0;
};
Extent extent_of(const std::filesystem::path& file, const char* name) {
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(opened, name, H5P_DEFAULT), space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  hsize_t offset[2] = {}, bytes = 0;
  haddr_t address = 0;
  unsigned mask = 0;
  EXPECT_GE(H5Dget_chunk_info(dataset, space, 0, offset, &mask, &address, &bytes), 0);
  const auto data = static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type);
  H5Tclose(type);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(opened);
  return {address, data};
}

TEST(StoreDamage, EveryFlippedBitOfTheDataIsRefused) {
  const TemporaryFolder folder;
  const auto small = damage_store();
  small.write(folder / "whole.h5");
  const auto whole = read_bytes(folder / "whole.h5");
  std::mt19937 random(20240607);
  for (const char* dataset : {"features", "labels", "offsets", "ids", "split", "digests", "class_names", "frame_labels",
                              "timestamps", "phase_names"}) {
    const auto extent = extent_of(folder / "whole.h5", dataset);
    ASSERT_LE(extent.begin + extent.size, whole.size());
    for (int trial = 0; trial < 40; ++trial) {
      const auto at = extent.begin + random() % extent.size;
      const auto file = folder / "flipped.h5";
      write_bytes(file, flipped(whole, at, static_cast<int>(random() % 8)));
      EXPECT_FALSE(reads_as_written(file, small)) << dataset << " byte " << at;
    }
  }
}

/// Anywhere in the file, metadata and unused space included: harmless or refused. Most of the file is the unused rest
/// of the one chunk of features, so positions are drawn mostly among bytes that are not zero.
TEST(StoreDamage, AFlippedBitAnywhereNeverGivesWrongData) {
  const TemporaryFolder folder;
  const auto small = damage_store();
  int refused = 0;
  for (const bool half : {false, true}) {
    const auto original = folder / (half ? "half.h5" : "whole.h5");
    small.write(original, {half ? FeatureType::kFloat16 : FeatureType::kFloat32, half ? 1 : 0});
    const auto whole = read_bytes(original);
    std::vector<std::size_t> used;
    for (std::size_t at = 0; at < whole.size(); ++at) {
      if (whole[at] != '\0') used.push_back(at);
    }
    std::mt19937 random(half ? 7 : 8);
    for (int trial = 0; trial < 400; ++trial) {
      const auto at = trial % 4 == 0 ? random() % whole.size() : used[random() % used.size()];
      const auto file = folder / "flipped.h5";
      write_bytes(file, flipped(whole, at, static_cast<int>(random() % 8)));
      refused += reads_as_written(file, small) ? 0 : 1;
      if (::testing::Test::HasFailure()) FAIL() << "byte " << at << (half ? " (f16, gzip)" : "");
    }
  }
  EXPECT_GT(refused, 400);
}

/// Rewritten as a program would that knows HDF5: chunks and their checksums fit, and every value could be.
TEST(StoreDamage, OtherValuesThatCouldBeAreRefused) {
  const TemporaryFolder folder;
  const auto small = damage_store();
  const auto file = folder / "set.h5";
  for (const std::string name : {"labels", "split", "offsets", "frame_labels", "timestamps"}) {
    std::filesystem::remove(file);
    small.write(file);
    const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                dataset = H5Dopen2(opened, name.c_str(), H5P_DEFAULT), space = H5Dget_space(dataset);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    ASSERT_GE(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    values[3] = name == "offsets" || values[3] == 0 ? values[3] + 1 : values[3] - 1;
    ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(opened);
    const bool a_number_a_step = name == "frame_labels" || name == "timestamps";
    const auto read = [&] {
      TseStore store({file});
      if (name == "frame_labels") static_cast<void>(store.read_frame_labels(2));
      if (name == "timestamps") static_cast<void>(store.read_timestamps(2));
    };
    expect_message(message_of<StoreError>(read), file,
                   {a_number_a_step ? ":" + name + ": found content of digest" : ":attribute index_digest: "});
  }
}

/// A store made by hand has no fletcher32; its digests are what stands between a flipped bit and the training.
TEST(StoreDamage, TheDigestAloneFindsAFlippedFeature) {
  const TemporaryFolder folder;
  const auto small = damage_store();
  small.write(folder / "whole.h5");
  // The same store with contiguous features.
  const hid_t file = H5Fopen((folder / "whole.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  std::vector<float> all;
  for (std::int64_t n = 0; n < small.count(); ++n) {
    const auto values = small.features(n);
    all.insert(all.end(), values.begin(), values.end());
  }
  const hsize_t extent[2] = {all.size() / 16, 16};
  ASSERT_GE(H5Ldelete(file, "features", H5P_DEFAULT), 0);
  const hid_t space = H5Screate_simple(2, extent, nullptr);
  const hid_t dataset = H5Dcreate2(file, "features", H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), 0);
  const auto begin = static_cast<std::size_t>(H5Dget_offset(dataset));
  H5Dclose(dataset);
  H5Sclose(space);
  H5Fclose(file);
  ASSERT_TRUE(reads_as_written(folder / "whole.h5", small));

  const auto whole = read_bytes(folder / "whole.h5");
  std::mt19937 random(3);
  for (int trial = 0; trial < 100; ++trial) {
    const auto value = random() % all.size();
    write_bytes(folder / "flipped.h5",
                flipped(whole, begin + value * 4 + random() % 4, static_cast<int>(random() % 8)));
    TseStore store({folder / "flipped.h5"});
    std::int64_t sample = 0;
    for (std::size_t rows = value / 16; rows >= static_cast<std::size_t>(store.length(sample)); ++sample) {
      rows -= static_cast<std::size_t>(store.length(sample));
    }
    for (std::int64_t n = 0; n < store.sample_count(); ++n) {
      if (n != sample) {
        EXPECT_EQ(read_features(store, n), small.features(n));
      } else {
        expect_message(message_of<StoreError>([&] { read_features(store, n); }), folder / "flipped.h5",
                       {"features:sample " + std::to_string(n), small.id(n), "digest"});
      }
    }
  }
}

TEST(StoreDamage, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const auto small = damage_store();
  small.write(folder / "whole.h5");
  const auto whole = read_bytes(folder / "whole.h5");
  std::vector<std::size_t> sizes{
      0, 1, 7, 8, 9, 47, 48, 49, 95, 96, 97, 511, 512, 513, whole.size() - 1, whole.size() - 2, whole.size() - 8};
  std::mt19937 random(11);
  while (sizes.size() < 60) sizes.push_back(random() % whole.size());
  const auto file = folder / "cut.h5";
  for (const auto size : sizes) {
    write_bytes(file, whole.substr(0, size));
    EXPECT_FALSE(reads_as_written(file, small)) << "cut to " << size;
  }
  write_bytes(file, whole.substr(0, whole.size() / 2));
  expect_message(message_of<StoreError>([&] { TseStore({file}); }), file,
                 {"found " + std::to_string(whole.size() / 2) + " bytes",
                  "expected " + std::to_string(whole.size()) + " (cut short)"});
}

/// A writer killed at any moment leaves only its temporary file, and even that is refused.
TEST(StoreDamage, AKilledWriterLeavesNothingThatOpens) {
  SmallStore small;
  small.feature_dim = 20000;
  for (const int appended : {0, 1, 3, 7}) {
    const TemporaryFolder folder;
    const auto file = folder / "a.h5";
    const pid_t child = ::fork();
    if (child == 0) {
      TseWriter writer(file, small.header());
      for (std::int64_t n = 0; n < appended; ++n) {
        const auto values = small.features(n);
        writer.append({small.id(n), small.label(n), small.split(n), values});
      }
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_FALSE(std::filesystem::exists(file));
    ASSERT_EQ(folder.entry_count(), 1U);
    std::filesystem::rename(std::filesystem::directory_iterator(folder.path())->path(), file);
    expect_message(message_of<StoreError>([&] { TseStore({file}); }), file, {});
  }
}

/// As a writer leaves it that flushed before it died: HDF5 marks the file as open for writing.
TEST(StoreDamage, AFileStillOpenForWritingIsRefused) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  SmallStore().write(file);
  auto bytes = read_bytes(file);
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(opened, 0);
  ASSERT_GE(H5Fflush(opened, H5F_SCOPE_GLOBAL), 0);
  bytes = read_bytes(file);
  H5Fclose(opened);
  write_bytes(folder / "open.h5", bytes);
  expect_message(message_of<StoreError>([&] { TseStore({folder / "open.h5"}); }), folder / "open.h5",
                 {"its writer never closed", "make it again"});
}

TEST(StoreDamage, ALockHeldByAWriterIsNamed) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  SmallStore().write(file);
  const int descriptor = ::open(file.c_str(), O_RDWR);
  ASSERT_EQ(::flock(descriptor, LOCK_EX | LOCK_NB), 0);
  expect_message(message_of<StoreError>([&] { TseStore({file}); }), file, {"errno 11", "HDF5_USE_FILE_LOCKING"});
  ::close(descriptor);
  EXPECT_NO_THROW(TseStore({file}));
}

TEST(StoreDamage, WhatIsNoStoreIsRefused) {
  const TemporaryFolder folder;
  const auto refused = [&](const std::filesystem::path& file, const std::vector<std::string>& parts) {
    expect_message(message_of<StoreError>([&] { TseStore({file}); }), file, parts);
  };
  refused(folder / "missing.h5", {"no such file"});
  refused(folder.path(), {"a folder"});
  write_bytes(folder / "empty.h5", "");
  refused(folder / "empty.h5", {"0 bytes"});
  write_bytes(folder / "text.h5", "these are no features\n");
  refused(folder / "text.h5", {"no HDF5 file"});
  refused(folder / "text.h5" / "below", {"Not a directory"});
  if (::geteuid() != 0) {
    std::filesystem::permissions(folder / "text.h5", std::filesystem::perms::none);
    refused(folder / "text.h5", {"Permission denied"});
  }
}

TEST(StoreDamage, AFileThatChangesAfterOpeningIsRefused) {
  const TemporaryFolder folder;
  const auto file = folder / "a.h5";
  const auto small = damage_store();
  const auto changed = [&](auto&& change) {
    std::filesystem::remove(file);
    small.write(file);
    TseStore store({file});
    EXPECT_EQ(read_features(store, 0), small.features(0));
    EXPECT_NO_THROW(store.require_unchanged());
    change();
    expect_message(message_of<StoreError>([&] { store.require_unchanged(); }), file, {"changed after it was opened"});
    expect_message(message_of<StoreError>([&] { read_features(store, 1); }), file, {"changed after it was opened"});
  };
  small.write(folder / "other.h5");
  changed([&] { std::filesystem::rename(folder / "other.h5", file); });
  changed([&] { std::filesystem::resize_file(file, std::filesystem::file_size(file) + 1); });
  changed([&] {
    std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) + std::chrono::seconds(1));
  });
  changed([&] { std::filesystem::remove(file); });
}

}  // namespace
}  // namespace alignment::io::testing
