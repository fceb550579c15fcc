#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "io/durable_file.hpp"
#include "io/result_file.hpp"
#include "tests/io/io_fixtures.hpp"

namespace alignment::io::testing {
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

TEST(DurableFile, WhatReplacesAFileHasItsRightsAndOwner) {
  const TemporaryFolder folder;
  const auto facts_of = [](const std::filesystem::path& file) {
    struct stat facts {};
    EXPECT_EQ(::stat(file.c_str(), &facts), 0);
    return facts;
  };
  for (const mode_t rights : {0600U, 0640U, 0664U, 0444U}) {
    const std::filesystem::path file = folder / std::to_string(rights);
    write_bytes(file, "before");
    ASSERT_EQ(::chmod(file.c_str(), rights), 0);
    const uid_t owner = ::geteuid() == 0 ? 1234 : ::geteuid();  // root alone may give files away
    ASSERT_EQ(::chown(file.c_str(), owner, ::geteuid() == 0 ? 4321 : ::getegid()), 0);
    const struct stat before = facts_of(file);
    write_text(file, "after");
    const struct stat after = facts_of(file);
    EXPECT_EQ(read_bytes(file), "after");
    EXPECT_EQ(after.st_mode & 0777U, rights);
    EXPECT_EQ(std::pair(after.st_uid, after.st_gid), std::pair(before.st_uid, before.st_gid));
  }
}

TEST(DurableFile, ALinkStaysAndItsTargetIsTheFile) {
  const TemporaryFolder folder, elsewhere;
  write_bytes(elsewhere / "real.txt", "before");
  std::filesystem::create_symlink(elsewhere / "real.txt", folder / "first");
  std::filesystem::create_symlink("first", folder / "second");
  std::filesystem::create_symlink("not/there", folder / "nowhere");
  std::filesystem::create_symlink("new.txt", folder / "dangling");
  write_text(folder / "second", "after");
  EXPECT_EQ(read_bytes(elsewhere / "real.txt"), "after");
  DurableFile durable(folder / "dangling", DurableFile::Existing::kRefuse);
  write_bytes(durable.temporary(), "new");
  durable.commit();
  EXPECT_EQ(read_bytes(folder / "new.txt"), "new");
  for (const char* link : {"first", "second", "nowhere", "dangling"}) {
    EXPECT_TRUE(std::filesystem::is_symlink(folder / link)) << link;
  }
  expect_message(message_of<WriteError>([&] { write_text(folder / "nowhere", "x"); }), folder / "nowhere",
                 {"No such file or directory"});
  expect_message(message_of<WriteError>([&] { DurableFile(folder / "second", DurableFile::Existing::kRefuse); }),
                 folder / "second", {"an existing file"});
  EXPECT_EQ(folder.entry_count(), 5U);
  EXPECT_EQ(elsewhere.entry_count(), 1U);
}

TEST(DurableFile, RefusesWhatIsNoRegularFile) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("pipe", folder / "to_pipe");
  std::filesystem::create_symlink("there", folder / "here");
  std::filesystem::create_symlink("here", folder / "there");
  std::filesystem::create_directory_symlink(".", folder / "to_folder");
  for (const auto& [name, words] : std::vector<std::pair<std::filesystem::path, const char*>>{
           {folder / "pipe", "found a pipe; expected the name of a regular file"},
           {folder / "to_pipe", "found a pipe"},
           {folder / "here", "links that lead in a circle"},
           {folder / "to_folder", "a folder"},
           {"/dev/null", "found a device"},
           {"/dev/stdout", "found standard output"},
           {"/dev/fd/2", "found an open file"},
           {"-", "found standard output"}}) {
    expect_message(message_of<WriteError>([&] { DurableFile(name, DurableFile::Existing::kReplace); }), name, {words});
  }
  EXPECT_EQ(folder.entry_count(), 5U);
}

/// What a result of that name leaves in the pipe behind `descriptor`.
std::string read_pipe(int descriptor) {
  char bytes[4096];
  const ssize_t count = ::read(descriptor, bytes, sizeof bytes);
  return {bytes, count > 0 ? static_cast<std::size_t>(count) : 0};
}

TEST(ResultFile, WritesToWhatIsOpen) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const TemporaryFolder folder;
  std::filesystem::create_symlink(fmt::format("/dev/fd/{}", ends[1]), folder / "link");
  for (const std::string& name : {fmt::format("/dev/fd/{}", ends[1]), fmt::format("/proc/self/fd/{}", ends[1]),
                                  fmt::format("/proc/{}/fd/{}", ::getpid(), ends[1]), (folder / "link").string()}) {
    const ResultFile result(name, {});
    EXPECT_FALSE(result.is_regular());
    EXPECT_FALSE(result.is_standard_output());
    result.write("to " + name);
    EXPECT_EQ(read_pipe(ends[0]), "to " + name);
  }
  EXPECT_TRUE(ResultFile("-", {}).is_standard_output());
  EXPECT_TRUE(ResultFile("/dev/stdout", {}).is_standard_output());
  EXPECT_EQ(ResultFile(folder / "a\x1b[2J\n.csv", {}).text(), (folder / "a?[2J?.csv").string());
  ::close(ends[0]);
  const auto name = std::filesystem::path(fmt::format("/dev/fd/{}", ends[1]));
  const auto handler = std::signal(SIGPIPE, SIG_IGN);
  expect_message(message_of<WriteError>([&] { ResultFile(name, {}).write("x"); }), name, {"Broken pipe"});
  std::signal(SIGPIPE, handler);
  ::close(ends[1]);
  expect_message(message_of<WriteError>([&] { ResultFile(name, {}); }), name, {"no open file of that number"});
}

TEST(ResultFile, WhatAShellHasOpenedIsNotReplaced) {
  const TemporaryFolder folder;
  write_bytes(folder / "log", "before\n");
  const int descriptor = ::open((folder / "log").c_str(), O_WRONLY | O_APPEND);  // NOLINT(*-vararg)
  const ResultFile result(fmt::format("/dev/fd/{}", descriptor), {});
  result.write("first\n");
  result.write("second\n");
  ::close(descriptor);
  EXPECT_EQ(read_bytes(folder / "log"), "before\nfirst\nsecond\n");
}

TEST(ResultFile, WritesThroughAPipeThatIsNotReadAtOnce) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const std::string content(300'000, 'x');  // more than a pipe holds
  std::thread reader([&] { EXPECT_EQ(read_bytes(folder / "pipe"), content); });
  ResultFile(folder / "pipe", {}).write(content);
  reader.join();

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  const ResultFile result(fmt::format("/dev/fd/{}", ends[1]), {});
  std::thread writer([&] { result.write(content); });
  std::size_t count = 0;
  while (count < content.size()) {
    const std::string part = read_pipe(ends[0]);
    if (part.empty()) std::this_thread::yield();
    count += part.size();
  }
  writer.join();
  EXPECT_EQ(count, content.size());
  for (const int end : ends) ::close(end);
}

TEST(ResultFile, LooksBeforeTheWork) {
  const TemporaryFolder folder;
  const auto nowhere = folder / "no" / "a.json", input = folder / "in.h5", link = folder / "link";
  expect_message(message_of<WriteError>([&] { ResultFile(nowhere, {}); }), nowhere, {"No such file or directory"});
  write_bytes(input, "input");
  std::filesystem::create_symlink("in.h5", link);
  for (const auto& name : {input, link}) {
    expect_message(message_of<WriteError>([&] { ResultFile(name, {"", input}); }), name, {"an input of this command"});
  }
  EXPECT_EQ(read_bytes(input), "input");
  EXPECT_EQ(folder.entry_count(), 2U);
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
}  // namespace alignment::io::testing
