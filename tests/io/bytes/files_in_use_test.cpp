// Which files a process is at work on, for the line that says what hangs.
#include "io/bytes/files_in_use.hpp"

#include <gtest/gtest.h>

#include <future>

#include "io/hdf5/handle.hpp"

namespace alignment::io {
namespace {

using std::filesystem::path;

TEST(FilesInUse, AreThoseInScopeTheLongestFirst) {
  const path store = "set.h5", checkpoint = "step.h5";
  EXPECT_EQ(files_in_use(), "");
  {
    const FileInUse outer(store);
    const FileInUse inner(checkpoint);
    EXPECT_EQ(files_in_use(), "set.h5, step.h5");
  }
  EXPECT_EQ(files_in_use(), "");
}

TEST(FilesInUse, NamesEachOnce) {
  const path store = "set.h5", same = "set.h5";
  const FileInUse outer(store);
  {
    const FileInUse again(store);
    const FileInUse other_object(same);
    EXPECT_EQ(files_in_use(), "set.h5");
  }
  EXPECT_EQ(files_in_use(), "set.h5");
}

TEST(FilesInUse, OfSeveralThreads) {
  const path mine = "mine", others = "others";
  std::promise<void> began, end;
  const auto other = std::async(std::launch::async, [&] {
    const FileInUse in_use(others);
    began.set_value();
    end.get_future().wait();
  });
  began.get_future().wait();
  {
    const FileInUse in_use(mine);
    EXPECT_EQ(files_in_use(), "others, mine");
  }
  EXPECT_EQ(files_in_use(), "others");
  end.set_value();
  other.wait();
  EXPECT_EQ(files_in_use(), "");
}

/// A read that waits while a checkpoint is written is not what hangs.
TEST(FilesInUse, NotThatOfAThreadThatWaitsForTheLibrary) {
  const path checkpoint = "step.h5", store = "set.h5";
  std::future<void> reader;
  {
    const hdf5::LibraryLock writing(checkpoint);
    std::promise<void> about_to_wait;
    reader = std::async(std::launch::async, [&] {
      about_to_wait.set_value();
      const hdf5::LibraryLock reading(store);
      EXPECT_EQ(files_in_use(), "set.h5");
    });
    about_to_wait.get_future().wait();
    EXPECT_EQ(reader.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    EXPECT_EQ(files_in_use(), "step.h5");
  }
  reader.get();
  EXPECT_EQ(files_in_use(), "");
}

}  // namespace
}  // namespace alignment::io
