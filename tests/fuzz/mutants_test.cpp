// The driver of tests: a thousand mutants of a format's seeds, and what earlier runs have found. The reader works in a
// process of its own, with little memory and time; each input is read or refused, or ends that process as
// io/hdf5/crash_guard.hpp says. DEJAVID_FUZZ_MUTANTS and DEJAVID_FUZZ_FIRST ask for others than 0 to 999; inputs that
// end the process are written to DEJAVID_FUZZ_KEEP.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "io/hdf5/crash_guard.hpp"
#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/src/temporary_folder.hpp"

#ifdef __SANITIZE_ADDRESS__
constexpr bool kAddressSanitizer = true;
/// Address space is what the sanitizer itself needs most of, so it bounds single allocations instead.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier)
  return "max_allocation_size_mb=512:handle_abort=0";
}
/// HDF5 reads past its own buffers on some files; what comes of it is looked at, not that it does.
extern "C" const char* __asan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "interceptor_via_lib:libhdf5";
}
#else
constexpr bool kAddressSanitizer = false;
#endif

namespace alignment::fuzz {
namespace {

constexpr char kRead = 'r', kRefused = 'x';
constexpr int kDeadlineMs = 30'000;  ///< for one input, on the slowest machine
constexpr auto kGuardedTime = std::chrono::seconds(2);
constexpr std::uint64_t kMemoryBytes = std::uint64_t{512} << 20U;  ///< beyond what the process has before it reads

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::filesystem::path finds_folder() {
  const char* root = std::getenv("DEJAVID_SOURCE");  // NOLINT(concurrency-mt-unsafe)
  return std::filesystem::path(root == nullptr ? "." : root) / "tests/fuzz/finds" / kFormat;
}

void bound_memory() {
  if (kAddressSanitizer) return;
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const std::uint64_t bytes = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + kMemoryBytes;
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_AS, &limit);
}

/// What became of one input.
struct Outcome {
  char letter = 0;   ///< kRead, kRefused; 0: the process ended
  std::string line;  ///< of the crash guard
  int status = 0;    ///< as of waitpid(), where the process ended
  bool timed_out = false;
};

/// Reads inputs `first` .. `count`-1 one after the other and tells their outcomes through a pipe.
class Worker {
 public:
  using Input = std::function<std::string(std::uint64_t)>;

  Worker(const Input& input, std::uint64_t first, std::uint64_t count, const std::filesystem::path& folder) {
    int channel[2];
    if (pipe2(channel, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    std::fflush(nullptr);
    process_ = fork();
    if (process_ == 0) {
      close(channel[0]);
      work(input, first, count, folder, channel[1]);
    }
    close(channel[1]);
    channel_ = channel[0];
  }
  ~Worker() {
    if (process_ > 0) end();
    close(channel_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Outcome next() {
    Outcome outcome;
    pollfd ready{channel_, POLLIN, 0};
    if (poll(&ready, 1, kDeadlineMs) != 1) {
      outcome.timed_out = true;
      outcome.status = end();
    } else if (read(channel_, &outcome.letter, 1) != 1 || (outcome.letter != kRead && outcome.letter != kRefused)) {
      if (outcome.letter != 0) outcome.line = outcome.letter;
      outcome.letter = 0;
      for (char letter = 0; read(channel_, &letter, 1) == 1;) outcome.line += letter;
      outcome.status = wait();
    }
    return outcome;
  }

 private:
  [[noreturn]] static void work(const Input& input, std::uint64_t first, std::uint64_t count,
                                const std::filesystem::path& folder, int channel) {
    io::report_crashes_to(channel);
    io::limit_guarded_time(kGuardedTime);
    bound_memory();
    for (std::uint64_t number = first; number < count; ++number) {
      char letter = kRefused;
      try {
        if (reads(input(number), folder)) letter = kRead;
      } catch (const std::exception& error) {
        std::fprintf(stderr, "input %llu: %.300s\n", static_cast<unsigned long long>(number), error.what());
        std::abort();
      }
      if (write(channel, &letter, 1) != 1) _exit(1);
    }
    _exit(0);
  }

  int wait() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return status;
  }
  int end() {
    kill(process_, SIGKILL);
    return wait();
  }

  pid_t process_ = -1;
  int channel_ = -1;
};

struct Totals {
  std::uint64_t read = 0, refused = 0, guarded = 0;
};

/// The process ended by the guard: with the code of a damaged store or model, and one line that names the file.
bool guarded(const Outcome& outcome, const std::filesystem::path& folder) {
  const bool code =
      WIFEXITED(outcome.status) && (WEXITSTATUS(outcome.status) == static_cast<int>(io::GuardedFile::kStore) ||
                                    WEXITSTATUS(outcome.status) == static_cast<int>(io::GuardedFile::kModelFile));
  return code && outcome.line.starts_with("error: " + (folder / "input.h5: found damaged HDF5").string()) &&
         outcome.line.find('\n') == outcome.line.size() - 1;
}

Totals read_all(const Worker::Input& input, std::uint64_t first, std::uint64_t count) {
  const TemporaryFolder folder;
  Totals totals;
  std::unique_ptr<Worker> worker;
  int failures = 0;
  for (std::uint64_t number = first; number < count; ++number) {
    if (!worker) worker = std::make_unique<Worker>(input, number, count, folder.path());
    const Outcome outcome = worker->next();
    totals.read += outcome.letter == kRead ? 1 : 0;
    totals.refused += outcome.letter == kRefused ? 1 : 0;
    if (outcome.letter != 0) continue;
    worker.reset();
    if (const char* keep = std::getenv("DEJAVID_FUZZ_KEEP")) {  // NOLINT(concurrency-mt-unsafe)
      std::string name(kFormat);
      name += '-';
      name += std::to_string(number);
      write_input(std::filesystem::path(keep) / name, input(number));
    }
    if (guarded(outcome, folder.path())) {
      ++totals.guarded;
      std::printf("input %llu: %s", static_cast<unsigned long long>(number), outcome.line.c_str());
      continue;
    }
    ADD_FAILURE() << "input " << number << ": "
                  << (outcome.timed_out             ? std::string("no end")
                      : WIFSIGNALED(outcome.status) ? "signal " + std::to_string(WTERMSIG(outcome.status))
                                                    : "exit code " + std::to_string(WEXITSTATUS(outcome.status)))
                  << ' ' << outcome.line << "; to keep the input, set DEJAVID_FUZZ_KEEP to a folder";
    constexpr int kEnough = 10;
    if (++failures == kEnough) break;
  }
  return totals;
}

TEST(Fuzz, EverySeedIsRead) {
  const auto inputs = seeds();
  const auto totals = read_all([&](std::uint64_t number) { return inputs[number]; }, 0, inputs.size());
  EXPECT_EQ(totals.read, inputs.size());
}

TEST(Fuzz, EveryMutantIsReadOrRefused) {
  const auto inputs = seeds();
  const std::uint64_t first = number_from("DEJAVID_FUZZ_FIRST", 0), count = number_from("DEJAVID_FUZZ_MUTANTS", 1000);
  const auto totals = read_all([&](std::uint64_t number) { return mutant(inputs, number); }, first, first + count);
  std::printf("%s: %llu mutants: %llu read, %llu refused, %llu ended by the crash guard\n", kFormat,
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(totals.read),
              static_cast<unsigned long long>(totals.refused), static_cast<unsigned long long>(totals.guarded));
  EXPECT_GT(totals.refused, count / 4);
}

/// Minimised inputs that once did something else.
TEST(Fuzz, EveryEarlierFindIsReadOrRefused) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(finds_folder())) {
    for (const auto& entry : std::filesystem::directory_iterator(finds_folder())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  read_all([&](std::uint64_t number) { return read_output(files[number]); }, 0, files.size());
}

}  // namespace
}  // namespace alignment::fuzz
