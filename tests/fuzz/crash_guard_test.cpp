// Crashes under and beside a guard, each in a process of its own.
#include "io/hdf5/crash_guard.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <thread>

namespace alignment::io {
namespace {

const std::filesystem::path kFile = "/data/a.h5";

/// Writes where nothing may be written, which sanitizers leave to the processor.
void fault() {
  constexpr std::size_t kPage = 4096;
  auto* page = static_cast<volatile char*>(mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  *page = 1;
}

[[gnu::noinline]] std::size_t recurse(std::size_t depth) {  // NOLINT(misc-no-recursion)
  volatile char room[4096] = {};
  room[depth % sizeof room] = static_cast<char>(depth);
  return depth == 0 ? 0 : recurse(depth + 1) + static_cast<std::size_t>(room[0]);
}

void spin() {
  for (volatile bool forever = true; forever;) {
  }
}

template <typename Work>
void guarded(GuardedFile kind, Work&& work) {
  const CrashGuard guard(kFile, kind);
  work();
}

class CrashGuardTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};
using CrashGuardDeathTest = CrashGuardTest;

TEST_F(CrashGuardDeathTest, AFaultWhileAStoreIsReadExitsWith10) {
  EXPECT_EXIT(guarded(GuardedFile::kStore, fault), ::testing::ExitedWithCode(10),
              "^error: /data/a.h5: found damaged HDF5: reading it crashed the HDF5 library \\(signal 11, SIGSEGV\\); "
              "expected a sound store; copy it again or make it again\n$");
}

TEST_F(CrashGuardDeathTest, AnAbortWhileAModelIsReadExitsWith11) {
  EXPECT_EXIT(
      guarded(GuardedFile::kModelFile, [] { std::abort(); }), ::testing::ExitedWithCode(11),
      "/data/a.h5: .*\\(signal 6, SIGABRT\\); expected a sound model file; copy it again or go back to another");
}

TEST_F(CrashGuardDeathTest, EndlessRecursionIsACrash) {
  EXPECT_EXIT(guarded(GuardedFile::kStore, [] { recurse(1); }), ::testing::ExitedWithCode(10), "SIGSEGV");
  const auto in_a_thread = [] { std::thread([] { guarded(GuardedFile::kStore, [] { recurse(1); }); }).join(); };
  EXPECT_EXIT(in_a_thread(), ::testing::ExitedWithCode(10), "SIGSEGV");
}

TEST_F(CrashGuardDeathTest, AnEndlessLoopEnds) {
  const auto loop = [] {
    limit_guarded_time(std::chrono::milliseconds(200));
    guarded(GuardedFile::kStore, spin);
  };
  EXPECT_EXIT(loop(), ::testing::ExitedWithCode(10),
              "/data/a.h5: found damaged HDF5: .* busy without an end; expected");
}

TEST_F(CrashGuardDeathTest, TimeOutsideOfGuardsDoesNotCount) {
  const auto spin_outside = [] {
    limit_guarded_time(std::chrono::milliseconds(100));
    guarded(GuardedFile::kStore, [] {});
    for (const auto end = std::clock() + CLOCKS_PER_SEC / 4; std::clock() < end;) {
    }
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  };
  EXPECT_EXIT(spin_outside(), ::testing::ExitedWithCode(0), "^$");
}

TEST_F(CrashGuardDeathTest, TheInnermostGuardNamesItsFile) {
  const std::filesystem::path other = "/data/b.h5";
  const auto nested = [&] {
    const CrashGuard outer(kFile, GuardedFile::kModelFile);
    { const CrashGuard inner(other, GuardedFile::kStore); }
    fault();
  };
  EXPECT_EXIT(nested(), ::testing::ExitedWithCode(11), "^error: /data/a.h5: ");
  EXPECT_EXIT(guarded(GuardedFile::kModelFile,
                      [&] {
                        const CrashGuard inner(other, GuardedFile::kStore);
                        fault();
                      }),
              ::testing::ExitedWithCode(10), "^error: /data/b.h5: ");
}

#ifndef __SANITIZE_ADDRESS__  // which has its own ways with these signals

/// Ends by the signal itself, as without any guard.
TEST_F(CrashGuardDeathTest, ACrashElsewhereKeepsItsEffect) {
  const auto after = [] {
    guarded(GuardedFile::kStore, [] {});
    fault();
  };
  EXPECT_EXIT(after(), ::testing::KilledBySignal(SIGSEGV), "^$");
  const auto beside = [] {
    const CrashGuard guard(kFile, GuardedFile::kStore);
    std::thread(fault).join();
  };
  EXPECT_EXIT(beside(), ::testing::KilledBySignal(SIGSEGV), "^$");
  const auto sent = [] {
    const CrashGuard guard(kFile, GuardedFile::kStore);
    ::kill(::getpid(), SIGSEGV);
    for (;;) ::pause();
  };
  EXPECT_EXIT(sent(), ::testing::KilledBySignal(SIGSEGV), "^$");
}

TEST_F(CrashGuardDeathTest, AnotherHandlerStillHasItsTurn) {
  const auto after = [] {
    std::signal(SIGSEGV, [](int) { _exit(42); });
    guarded(GuardedFile::kStore, [] {});
    fault();
  };
  EXPECT_EXIT(after(), ::testing::ExitedWithCode(42), "^$");
}

#endif

TEST_F(CrashGuardDeathTest, TheLineGoesWhereItIsSent) {
  const auto to_standard_output = [] {
    dup2(STDERR_FILENO, 100);
    close(STDERR_FILENO);
    report_crashes_to(100);
    guarded(GuardedFile::kStore, fault);
  };
  EXPECT_EXIT(to_standard_output(), ::testing::ExitedWithCode(10), "/data/a.h5");
}

TEST_F(CrashGuardDeathTest, ALongNameLeavesRoomForTheRest) {
  const std::filesystem::path file(std::string(10'000, 'n'));
  const auto long_name = [&] {
    const CrashGuard guard(file, GuardedFile::kStore);
    fault();
  };
  EXPECT_EXIT(long_name(), ::testing::ExitedWithCode(10), "n: found damaged HDF5: .*make it again\n$");
}

}  // namespace
}  // namespace alignment::io
