// Files that are written durably, with every system call on the way failing, cut short or the last one of its process.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <optional>

#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/store/tse_writer.hpp"
#include "src/dejavid/model_file.hpp"
#include "tests/io/io_fixtures.hpp"
#include "tests/stand_ins/faults/fault.hpp"

namespace alignment::io::testing {
namespace {

constexpr int kWriteError = 13, kNotStruck = 100;

/// How a child ended that wrote with a fault.
struct End {
  bool killed = false;
  int code = 0;
};

End write_with(const faults::Fault& fault, const std::function<void()>& write) {
  const pid_t child = fork();
  if (child == 0) {
    faults::ask_for(fault);
    int code = 0;
    try {
      write();
    } catch (const WriteError&) {
      code = kWriteError;
    } catch (...) {
      code = 1;
    }
    ::_exit(code == 0 && !faults::has_struck() ? kNotStruck : code);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

bool unfinished_in(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == kUnfinished) return true;
  }
  return false;
}

/// Lets every call of every kind meet every fault, one at a time. `prepare` makes the folder as it is before; `stands`
/// looks at what is there after: whether the new file stands, or else that the old state does.
struct Sweep {
  std::function<void(const std::filesystem::path&)> prepare, write;
  std::function<bool(const std::filesystem::path&)> stands;

  /// Returns how many calls there were.
  [[nodiscard]] int run(const char* place, const char* kind) const {
    for (int number = 1;; ++number) {
      const TemporaryFolder folder;
      prepare(folder.path());
      ::setenv("DEJAVID_FAULT_PATH", folder.path().c_str(), 1);
      const End end = write_with({place, 0, number, kind}, [&] { write(folder.path()); });
      const std::string where = std::string(place) + " " + std::to_string(number) + " " + kind;
      const bool stands_now = stands(folder.path());
      if (end.code == kNotStruck) {
        EXPECT_TRUE(stands_now);
        return number - 1;
      }
      const std::string wanted(kind);
      EXPECT_EQ(end.killed, wanted == "kill") << where;
      if (wanted == "short") {
        EXPECT_EQ(end.code, 0) << where << ": what is left of a write is written";
      } else if (!end.killed && std::string(place) != "open") {  // HDF5 opens a second time where once fails
        EXPECT_EQ(end.code, kWriteError) << where;
      }
      if (end.code == 0) {
        EXPECT_TRUE(stands_now) << where;
      }
      if (!end.killed) {
        EXPECT_FALSE(unfinished_in(folder.path())) << where;
      }
      if (::testing::Test::HasFailure() || number > 1000) return number;
    }
  }

  void run_all(int least_writes) const {
    for (const char* kind : {"kill", "eio", "enospc", "short"}) {
      EXPECT_GE(run("write", kind), least_writes) << kind;
    }
    for (const char* kind : {"kill", "eio"}) {
      EXPECT_GE(run("open", kind), 1) << kind;
      EXPECT_GE(run("sync", kind), 2) << kind << ": the file and its folder";
      EXPECT_EQ(run("rename", kind), 1) << kind;
      EXPECT_EQ(run("unlink", kind), 0) << kind;
    }
  }
};

ModelContent checkpoint_of_step(std::int64_t step) {
  ModelContent content;
  content.classes = 2;
  content.steps = 3;
  content.feature_dim = 4;
  content.centroids.assign(24, static_cast<float>(step));
  content.log_weights.assign(24, 0.5F);
  content.class_names = {"a", "b"};
  content.training.emplace();
  content.training->step = step;
  content.training->frozen_centroids = content.centroids;
  return content;
}

TEST(FileWrites, ACheckpointIsTheOldOrTheNewOne) {
  const Sweep sweep{[](const auto& folder) { write_model(folder / "step.h5", checkpoint_of_step(1)); },
                    [](const auto& folder) { write_model(folder / "step.h5", checkpoint_of_step(2)); },
                    [](const auto& folder) {
                      const ModelContent found = read_model(folder / "step.h5");
                      const std::int64_t step = found.training->step;
                      EXPECT_TRUE(step == 1 || step == 2);
                      EXPECT_EQ(digest_of(found), digest_of(checkpoint_of_step(step)));
                      return step == 2;
                    }};
  sweep.run_all(10);
}

TEST(FileWrites, AStoreIsThereWholeOrNotAtAll) {
  const SmallStore small;
  const Sweep sweep{[](const auto&) {}, [&](const auto& folder) { small.write(folder / "set.h5"); },
                    [&](const auto& folder) {
                      if (!std::filesystem::exists(folder / "set.h5")) return false;
                      TseStore store({folder / "set.h5"});
                      for (std::int64_t n = 0; n < store.sample_count(); ++n) {
                        EXPECT_EQ(read_features(store, n), small.features(n));
                      }
                      return true;
                    }};
  sweep.run_all(10);
}

TEST(FileWrites, ATextIsTheOldOrTheNewOne) {
  const Sweep sweep{[](const auto& folder) { write_text(folder / "summary.json", "old"); },
                    [](const auto& folder) { write_text(folder / "summary.json", "newer"); },
                    [](const auto& folder) {
                      const std::string found = read_bytes(folder / "summary.json");
                      EXPECT_TRUE(found == "old" || found == "newer") << found;
                      return found == "newer";
                    }};
  sweep.run_all(1);
}

}  // namespace
}  // namespace alignment::io::testing
