#include "src/programs/dejavid_bench/page_cache.hpp"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <fstream>
#include <system_error>

#include "src/programs/dejavid_bench/temporary_folder.hpp"

namespace alignment::bench {
namespace {

constexpr std::int64_t kBytes = 3'000'001;

bool in_memory(const std::filesystem::path& folder) {
  struct statfs status {};
  return ::statfs(folder.c_str(), &status) == 0 &&
         (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC || status.f_type == HUGETLBFS_MAGIC);
}

class PageCache : public testing::Test {
 protected:
  void SetUp() override { std::ofstream(file) << std::string(kBytes, 'x'); }

  TemporaryFolder folder;
  std::filesystem::path file = folder.path() / "file";
};

TEST_F(PageCache, WhatHasBeenReadIsInMemory) {
  EXPECT_EQ(read_raw(file), kBytes);
  EXPECT_EQ(cached_share(file), 1);
}

TEST_F(PageCache, WhatHasBeenDroppedIsNot) {
  if (in_memory(folder.path())) GTEST_SKIP() << "found a file system in memory; set TMPDIR to a folder on a disk";
  drop_from_page_cache(file);
  EXPECT_LT(cached_share(file), 0.1);
  EXPECT_EQ(read_raw(file), kBytes);
  EXPECT_EQ(cached_share(file), 1);
}

TEST_F(PageCache, AnEmptyFileAndNone) {
  std::ofstream(file, std::ios::trunc).flush();
  EXPECT_EQ(read_raw(file), 0);
  EXPECT_EQ(cached_share(file), 0);
  EXPECT_THROW(drop_from_page_cache(folder.path() / "missing"), std::system_error);
  EXPECT_THROW(static_cast<void>(cached_share(folder.path() / "missing")), std::system_error);
  EXPECT_THROW(read_raw(folder.path() / "missing"), std::system_error);
}

}  // namespace
}  // namespace alignment::bench
