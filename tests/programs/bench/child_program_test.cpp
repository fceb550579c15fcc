#include "src/programs/dejavid_bench/child_program.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "src/programs/dejavid_bench/temporary_folder.hpp"

namespace alignment::bench {
namespace {

ChildEnd run_shell(const std::string& text) {
  const TemporaryFolder folder;
  return run_program({"sh", "-c", text}, folder.path() / "errors");
}

TEST(ChildProgram, ItsExitCodeAndTheLastLineOfItsErrors) {
  const ChildEnd end = run_shell("echo one >&2; echo two >&2; echo >&2; echo not this; exit 5");
  EXPECT_EQ(end.exit_code, 5);
  EXPECT_EQ(end.last_line, "two");
}

TEST(ChildProgram, SilentSuccess) {
  const ChildEnd end = run_shell("exit 0");
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_EQ(end.last_line, "");
}

TEST(ChildProgram, EndedByASignal) {
  EXPECT_EQ(run_shell("kill -KILL $$").exit_code, 128 + SIGKILL);
}

TEST(ChildProgram, OneThatDoesNotExist) {
  const TemporaryFolder folder;
  const ChildEnd end = run_program({(folder.path() / "missing").string()}, folder.path() / "errors");
  EXPECT_EQ(end.exit_code, 127);
  EXPECT_EQ(end.last_line, "No such file or directory");
}

}  // namespace
}  // namespace alignment::bench
