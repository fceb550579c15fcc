// environment.json, doctor and the share of cores, alone and (environment_mpi_test) under mpirun.
#include "src/job/environment/environment.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "dist/mpi/session.hpp"
#include "dist/text.hpp"
#include "src/job/environment/collective_checks.hpp"
#include "src/job/environment/machine.hpp"
#include "src/job/environment/threads.hpp"
#include "tests/src/temporary_folder.hpp"

namespace alignment {
namespace {

/// Every test has a communicator: under mpirun that of all its ranks, else of this process alone.
class Environment : public testing::Test {
 protected:
  dist::Communicator& communicator() { return *communicator_; }

 private:
  std::unique_ptr<dist::Communicator> communicator_ = dist::started_by_launcher()
                                                          ? dist::make_mpi_communicator(std::chrono::seconds(60))
                                                          : dist::make_self_communicator();
};
using GatherText = Environment;
using Doctor = Environment;
using Threads = Environment;

TEST_F(GatherText, TextsOfDifferentLengthsArriveInRankOrder) {
  const int rank = communicator().rank().value;
  const auto text_of = [](int other) {
    return std::string(static_cast<std::size_t>(3 * other), static_cast<char>('a' + other));
  };
  const std::vector<std::string> texts = dist::gather_text(communicator(), text_of(rank));
  if (!communicator().is_root()) {
    EXPECT_TRUE(texts.empty());
    return;
  }
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(communicator().size().value));
  for (std::size_t other = 0; other < texts.size(); ++other) EXPECT_EQ(texts[other], text_of(static_cast<int>(other)));
}

TEST_F(Environment, HoldsVersionsRanksAndSlurmVariables) {
  setenv("SLURM_JOB_ID", "4711", 1);
  setenv("SLURM_JOB_NAME", "not UTF-8: \xff", 1);
  DistConfig config;
  config.threads = 3;
  const std::string text = describe_environment(communicator(), config, "portable");
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_JOB_NAME");
  if (!communicator().is_root()) {
    EXPECT_EQ(text, "");
    return;
  }
  const nlohmann::json json = nlohmann::json::parse(text);
  for (const char* name : {"dejavid_dist", "git revision", "compiler", "LibTorch", "MPI", "HDF5", "fmt"}) {
    EXPECT_FALSE(json["versions"][name].get<std::string>().empty()) << name;
  }
  EXPECT_EQ(json["slurm"]["SLURM_JOB_ID"], "4711");
  EXPECT_EQ(json["world_size"], communicator().size().value);
  ASSERT_EQ(json["ranks"].size(), static_cast<std::size_t>(communicator().size().value));
  std::set<int> processes;
  for (std::size_t rank = 0; rank < json["ranks"].size(); ++rank) {
    const nlohmann::json& entry = json["ranks"][rank];
    EXPECT_EQ(entry["rank"], rank);
    EXPECT_EQ(entry["threads"], 3);
    EXPECT_EQ(entry["kernel_variant"], "portable");
    EXPECT_GE(entry["affinity_cores"], 1);
    processes.insert(entry["pid"].get<int>());
  }
  EXPECT_EQ(processes.size(), json["ranks"].size());
  EXPECT_NE(json["command_line"][0].get<std::string>().find("_test"), std::string::npos);
}

TEST_F(Doctor, PassesHereAndSeesAFolderThatCannotBeWritten) {
  const TemporaryFolder folder;
  SharedConfig config;
  config.run.dir = folder / "runs/a";
  testing::internal::CaptureStdout();
  EXPECT_TRUE(run_doctor(communicator(), "tea_dist", config, "portable"));
  const std::string report = testing::internal::GetCapturedStdout();
  EXPECT_TRUE(std::filesystem::is_empty((folder / "x").parent_path())) << "doctor leaves nothing behind";
  EXPECT_EQ(report.starts_with("tea_dist doctor\n"), communicator().is_root()) << report;
  EXPECT_EQ(report.find("All checks passed.") != std::string::npos, communicator().is_root()) << report;
  EXPECT_EQ(report.find("all_reduce sum float32      ok") != std::string::npos, communicator().is_root()) << report;

  config.run.dir = "/proc/nowhere";
  testing::internal::CaptureStdout();
  EXPECT_FALSE(run_doctor(communicator(), "tea_dist", config, "portable")) << "the verdict is the same on every rank";
  EXPECT_EQ(testing::internal::GetCapturedStdout().find("1 check(s) FAILED.") != std::string::npos,
            communicator().is_root());
}

TEST_F(Threads, TheConfigurationDecidesElseTheAffinityMask) {
  DistConfig config;
  config.threads = 5;
  EXPECT_EQ(thread_count(config, communicator()), 5);
  config.threads = 0;
  const int threads = thread_count(config, communicator());
  EXPECT_GE(threads, 1);
  EXPECT_LE(threads, static_cast<int>(affinity_cores().size()));
  if (communicator().size().value == 1) {
    EXPECT_EQ(threads, static_cast<int>(affinity_cores().size()));
  }
}

TEST_F(Threads, SharesOfCores) {
  using Shares = std::vector<std::int32_t>;
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2, 3}}}), (Shares{4}));
  // One mask for all: divided.
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2, 3}}, {"a", {0, 1, 2, 3}}}), (Shares{2, 2}));
  EXPECT_EQ(shares_of_cores({{"a", {0, 1}}, {"a", {0, 1}}, {"a", {0, 1}}}), (Shares{1, 1, 1}));
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2}}, {"a", {0, 1, 2}}, {"a", {0, 1, 2}}}), (Shares{1, 1, 1}));
  // Six thirds, added in doubles, are a little less than two.
  EXPECT_EQ(shares_of_cores(std::vector<RankCores>(3, {"a", {0, 1, 2, 3, 4, 5}})), Shares(3, 2));
  // Each bound to cores of its own: not divided.
  EXPECT_EQ(shares_of_cores({{"a", {0, 1}}, {"a", {2, 3}}}), (Shares{2, 2}));
  EXPECT_EQ(shares_of_cores({{"a", {0}}, {"a", {1}}}), (Shares{1, 1}));
  // Two to a socket.
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2, 3}}, {"a", {0, 1, 2, 3}}, {"a", {4, 5, 6, 7}}, {"a", {4, 5, 6, 7}}}),
            (Shares{2, 2, 2, 2}));
  // Another host's cores are others.
  EXPECT_EQ(shares_of_cores({{"a", {0, 1}}, {"b", {0, 1}}}), (Shares{2, 2}));
  EXPECT_EQ(shares_of_cores({{"a", {}}}), (Shares{1}));
  // Slurm without binding: every rank may run anywhere, and was granted so many.
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2, 3}, 2}}), (Shares{2}));
  EXPECT_EQ(shares_of_cores({{"a", {0, 1, 2, 3}, 3}, {"a", {0, 1, 2, 3}, 1}}), (Shares{2, 1}));
}

/// A communicator whose sums come out wrong, as a broken network stack's would.
class BrokenCommunicator : public dist::Communicator {
 public:
  [[nodiscard]] const dist::Topology& topology() const override { return topology_; }
  [[nodiscard]] const char* backend_name() const override { return "broken"; }
  void barrier() override {}

 private:
  void do_all_reduce(void* values, std::size_t count, dist::ElementType type, dist::Reduction reduction) override {
    if (type == dist::ElementType::kFloat32 && reduction == dist::Reduction::kSum)
      static_cast<float*>(values)[count - 1] += 1;
  }
  void do_broadcast(void*, std::size_t, dist::ElementType, dist::Rank) override {}
  std::vector<std::int64_t> gather_counts(std::int64_t count) override { return {count}; }
  void do_gather(const void* values, std::size_t count, void* gathered, const std::vector<std::int64_t>&,
                 dist::ElementType type) override {
    const bool eight =
        type == dist::ElementType::kInt64 || type == dist::ElementType::kUint64 || type == dist::ElementType::kFloat64;
    const std::size_t size = type == dist::ElementType::kUint8 ? 1 : eight ? 8 : 4;
    std::copy_n(static_cast<const char*>(values), count * size, static_cast<char*>(gathered));
  }
  dist::Topology topology_;
};

TEST_F(Doctor, SeesACollectiveThatGivesWrongValues) {
  if (communicator().size().value > 1) GTEST_SKIP() << "needs no peers";
  BrokenCommunicator broken;
  for (const CollectiveCheck& check : check_collectives(broken)) {
    EXPECT_EQ(check.passed, check.name != "all_reduce sum float32") << check.name;
  }
  testing::internal::CaptureStdout();
  EXPECT_FALSE(run_doctor(broken, "tea_dist", SharedConfig{}, "portable"));
  const std::string report = testing::internal::GetCapturedStdout();
  EXPECT_NE(report.find("all_reduce sum float32      FAILED: other values arrived on rank 0"), std::string::npos)
      << report;
}

TEST(Machine, AFolderIsLookedForWhereTheWorkingFolderWasRemoved) {
  const TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path(), gone = folder / "gone";
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);
  EXPECT_EQ(nearest_existing_folder("runs"), ".");
  EXPECT_EQ(nearest_existing_folder(folder / "runs/a"), std::filesystem::canonical(folder.path()));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace alignment
