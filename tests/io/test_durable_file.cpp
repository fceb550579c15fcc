#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "io/durable_file.hpp"
#include "tests/io/io_fixtures.hpp"

namespace dejavid::io::testing {
namespace {

TEST(DurableFile, AppearsOnlyWhenCommitted) {
  const TemporaryFolder folder;
  const auto file = folder / "a.txt";
  DurableFile durable(file, DurableFile::Existing::kRefuse);
  EXPECT_EQ(durable.temporary().parent_path(), file.parent_path());
  write_bytes(durable.temporary(), "whole");
  EXPECT_FALSE(std::filesystem::exists(file));
  durable.commit();
  EXPECT_EQ(read_bytes(file), "whole");
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(DurableFile, LeavesNothingWhereItIsNotCommitted) {
  const TemporaryFolder folder;
  const auto file = folder / "a.txt";
  write_bytes(file, "before");
  try {
    DurableFile durable(file, DurableFile::Existing::kReplace);
    write_bytes(durable.temporary(), "half");
    throw std::runtime_error("the writer failed");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(read_bytes(file), "before");
  EXPECT_EQ(folder.entry_count(), 1U);
}

TEST(DurableFile, RefusesWhatExists) {
  const TemporaryFolder folder;
  const auto file = folder / "a.txt";
  write_bytes(file, "before");
  expect_message(message_of<WriteError>([&] { DurableFile(file, DurableFile::Existing::kRefuse); }), file,
                 {"an existing file"});
  expect_message(message_of<WriteError>([&] { DurableFile(folder.path(), DurableFile::Existing::kReplace); }),
                 folder.path(), {"a folder"});
  EXPECT_EQ(read_bytes(file), "before");
}

TEST(DurableFile, RefusesWhatAppearsMeanwhile) {
  const TemporaryFolder folder;
  const auto file = folder / "a.txt";
  DurableFile durable(file, DurableFile::Existing::kRefuse);
  write_bytes(durable.temporary(), "mine");
  write_bytes(file, "of another");
  expect_message(message_of<WriteError>([&] { durable.commit(); }), file, {"an existing file"});
  EXPECT_EQ(read_bytes(file), "of another");
}

TEST(DurableFile, TwoWritersOfOneNameDoNotMeet) {
  const TemporaryFolder folder;
  DurableFile first(folder / "a.txt", DurableFile::Existing::kReplace),
      second(folder / "a.txt", DurableFile::Existing::kReplace);
  EXPECT_NE(first.temporary(), second.temporary());
}

TEST(DurableFile, SaysWhyAFolderCannotBeWritten) {
  const TemporaryFolder folder;
  const auto nowhere = folder / "no" / "such" / "a.txt";
  expect_message(message_of<WriteError>([&] { DurableFile(nowhere, DurableFile::Existing::kRefuse); }), nowhere,
                 {"No such file or directory", "errno 2"});
  write_bytes(folder / "plain", "");
  const auto below_a_file = folder / "plain" / "a.txt";
  expect_message(message_of<WriteError>([&] { write_text(below_a_file, "x"); }), below_a_file, {"Not a directory"});
  if (::geteuid() == 0) return;  // root may write everywhere
  ASSERT_EQ(::chmod(folder.path().c_str(), 0500), 0);
  expect_message(message_of<WriteError>([&] { write_text(folder / "b", "x"); }), folder / "b", {"Permission denied"});
  ::chmod(folder.path().c_str(), 0700);
}

TEST(DurableFile, GivesTheUsualPermissions) {
  const TemporaryFolder folder;
  const mode_t mask = ::umask(0022);
  write_text(folder / "a.txt", "x");
  ::umask(mask);
  struct stat facts {};
  ASSERT_EQ(::stat((folder / "a.txt").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0644U);
}

TEST(WriteText, Replaces) {
  const TemporaryFolder folder;
  write_text(folder / "a.txt", "one");
  write_text(folder / "a.txt", "two\nlines\n");
  EXPECT_EQ(read_bytes(folder / "a.txt"), "two\nlines\n");
  EXPECT_EQ(folder.entry_count(), 1U);
}

/// A limit on file sizes stands in for a full disk: the write fails half-way.
TEST(WriteText, KeepsWhatWasThereWhereWritingFails) {
  const TemporaryFolder folder;
  const auto file = folder / "a.txt";
  write_text(file, "before");
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto message = message_of<WriteError>([&] { write_text(file, std::string(10000, 'x')); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, handler);
  expect_message(message, file, {"File too large"});
  EXPECT_EQ(read_bytes(file), "before");
  EXPECT_EQ(folder.entry_count(), 1U);
}

}  // namespace
}  // namespace dejavid::io::testing
