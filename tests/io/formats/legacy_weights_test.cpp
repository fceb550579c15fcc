#include "io/formats/python/legacy_weights.hpp"

#include <gtest/gtest.h>

#include "io/errors.hpp"
#include "tests/io/formats/legacy_file.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment::io {
namespace {

class LegacyWeights : public testing::Test {
 protected:
  std::string refused(const std::string& bytes) {
    write_file(file_, bytes);
    const std::string message = message_of<StoreError>([&] { (void)read_legacy_weights(file_); });
    EXPECT_TRUE(message.starts_with(file_.string() + ": ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }

  void expect_refused(const std::string& bytes, const std::string& found) {
    const std::string message = refused(bytes);
    EXPECT_NE(message.find(found), std::string::npos) << message;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "weights.pth";
};

TEST_F(LegacyWeights, AreReadByNameWithShapeAndNumbers) {
  write_file(file_, LegacyFile().bytes());
  const auto arrays = read_legacy_weights(file_);
  ASSERT_EQ(arrays.size(), 2U);  // the count of batches is none
  EXPECT_EQ(arrays.at("a.weight").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(arrays.at("a.weight").values, (std::vector<float>{1, -2, 3, 4, 5, 6.5F}));
  EXPECT_EQ(arrays.at("b").shape, (std::vector<std::int64_t>{2}));
  EXPECT_EQ(arrays.at("b").values, (std::vector<float>{8, 9}));  // from an offset of its storage
}

TEST_F(LegacyWeights, MayBeTransposed) {
  LegacyFile file;
  file.arrays[0].shape = {3, 2};
  file.arrays[0].strides = {1, 3};
  write_file(file_, file.bytes());
  EXPECT_EQ(read_legacy_weights(file_).at("a.weight").values, (std::vector<float>{1, 4, -2, 5, 3, 6.5F}));
}

TEST_F(LegacyWeights, AreRefusedWhereTheFileIsCutAnywhere) {
  const std::string whole = LegacyFile().bytes();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) refused(whole.substr(0, bytes));
  expect_refused(whole + "x", "1 bytes behind the last storage");
}

TEST_F(LegacyWeights, AreRefusedWhereTheFileIsHostile) {
  const auto changed = [](auto&& change) {
    LegacyFile file;
    change(file);
    return file.bytes();
  };
  expect_refused("PK\x03\x04 and more of a zip archive", "no magic number");
  expect_refused(changed([](LegacyFile& file) { file.protocol = 1002; }), "another protocol");
  expect_refused(changed([](LegacyFile& file) { file.little_endian = false; }), "little-endian");
  expect_refused(changed([](LegacyFile& file) { file.arrays[0].function = "os\nsystem"; }), "no tensor of 'a.weight'");
  expect_refused(changed([](LegacyFile& file) {
                   file.arrays[0].shape = {2, 4}, file.arrays[0].strides = {4, 1};
                 }),
                 "beyond the storage");
  expect_refused(changed([](LegacyFile& file) {
                   file.arrays[0].shape = {1 << 30, 1 << 30}, file.arrays[0].strides = {1 << 30, 1};
                 }),
                 "beyond the storage");
  expect_refused(changed([](LegacyFile& file) { file.arrays[0].strides = {4, 1}; }), "beyond the storage");
  expect_refused(changed([](LegacyFile& file) {
                   file.arrays[0].strides = {std::int64_t{1} << 62, 1};
                 }),
                 "beyond the storage");
  expect_refused(changed([](LegacyFile& file) { file.arrays[0].shape = {0, 3}; }), "an empty shape");
  expect_refused(changed([](LegacyFile& file) { file.arrays[1].offset = 2; }), "beyond the storage");
  expect_refused(changed([](LegacyFile& file) { file.storages[0].type = "HalfStorage"; }),
                 "the type torch.HalfStorage of 'a.weight'");
  expect_refused(changed([](LegacyFile& file) { file.storages[1].written_count = 1'000'000'000; }),
                 "a storage of another size");
  expect_refused(changed([](LegacyFile& file) {
                   file.storages[1].told_count = 1 << 30;
                   file.storages[1].written_count = 1 << 30;
                 }),
                 "within its storages");
  expect_refused(changed([](LegacyFile& file) { file.listed = {"0", "1"}; }), "too few storages");
  expect_refused(changed([](LegacyFile& file) { file.listed = {"0", "1", "0"}; }), "another list of storages");
}

TEST_F(LegacyWeights, OfASmallFileDoNotBecomeManyLargeArrays) {
  LegacyFile file;
  for (int n = 0; n < 1000; ++n) {
    file.arrays.push_back({.name = "copy" + std::to_string(n), .storage = 0, .shape = {2, 3}, .strides = {3, 1}});
  }
  expect_refused(file.bytes(), "numbers that others have as well");
}

}  // namespace
}  // namespace alignment::io
