#include "dist/launch_environment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "dist/mpi/session.hpp"

namespace alignment::dist {
namespace {

class LaunchEnvironment : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* variable :
         {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMI_SIZE", "PMI_RANK", "PMIX_RANK", "SLURM_NTASKS",
          "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID", "SLURM_CPUS_PER_TASK",
          "SLURM_CPUS_ON_NODE", "SLURM_STEP_LAUNCHER_PORT", "OMPI_MCA_oob_tcp_keepalive_time",
          "OMPI_MCA_oob_tcp_keepalive_intvl", "OMPI_MCA_oob_tcp_keepalive_probes"}) {
      unsetenv(variable);
    }
  }
  static void set(const std::map<std::string, std::string>& environment) {
    for (const auto& [variable, text] : environment) setenv(variable.c_str(), text.c_str(), 1);
  }
};

TEST_F(LaunchEnvironment, PlainStart) {
  EXPECT_FALSE(started_by_launcher());
  EXPECT_EQ(launch_mismatch(1), std::nullopt);
}

TEST_F(LaunchEnvironment, PlainStartInsideAnAllocation) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}});
  EXPECT_FALSE(started_by_launcher());
  EXPECT_EQ(launch_mismatch(1), std::nullopt);
}

TEST_F(LaunchEnvironment, TheNearestLauncherTellsTheRank) {
  EXPECT_EQ(promised_rank(), 0);
  set({{"SLURM_PROCID", "1"}});
  EXPECT_EQ(promised_rank(), 0) << "an allocation alone promises nothing";
  set({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "8"}});
  EXPECT_EQ(promised_rank(), 1);
  set({{"PMIX_RANK", "2"}});
  EXPECT_EQ(promised_rank(), 2);
  set({{"OMPI_COMM_WORLD_RANK", "3"}});
  EXPECT_EQ(promised_rank(), 3);
}

TEST_F(LaunchEnvironment, PlainStartInAnInteractiveStep) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_ID", "4294967290"}, {"SLURM_STEP_NUM_TASKS", "1"}});
  EXPECT_FALSE(started_by_launcher());
  EXPECT_EQ(launch_mismatch(1), std::nullopt);
}

TEST_F(LaunchEnvironment, SrunWithoutPmixIsAMismatch) {
  set({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "3"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "8"}});
  EXPECT_TRUE(started_by_launcher());
  const std::optional<std::string> mismatch = launch_mismatch(1);
  ASSERT_TRUE(mismatch.has_value());
  EXPECT_NE(mismatch->find("SLURM_STEP_NUM_TASKS = 8"), std::string::npos) << *mismatch;
  EXPECT_NE(mismatch->find("srun --mpi=pmix"), std::string::npos) << *mismatch;
  EXPECT_EQ(launch_mismatch(8), std::nullopt);
}

TEST_F(LaunchEnvironment, ForeignMpirunIsAMismatch) {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    SetUp();
    set({{variable, "4"}});
    EXPECT_TRUE(started_by_launcher());
    EXPECT_TRUE(launch_mismatch(1).has_value()) << variable;
    EXPECT_EQ(launch_mismatch(4), std::nullopt) << variable;
  }
}

TEST_F(LaunchEnvironment, NumbersOfAnySizeAreCountedWith) {
  set({{"PMIX_RANK", "2147483647"}});
  const std::optional<std::string> mismatch = launch_mismatch(1);
  ASSERT_TRUE(mismatch.has_value());
  EXPECT_NE(mismatch->find("PMIX_RANK + 1 = 2147483648"), std::string::npos) << *mismatch;
  set({{"OMPI_COMM_WORLD_SIZE", "2"},
       {"OMPI_MCA_oob_tcp_keepalive_intvl", "100000"},
       {"OMPI_MCA_oob_tcp_keepalive_probes", "100000"}});
  const std::optional<std::string> slow = slow_keepalive(2, std::chrono::seconds(60));
  ASSERT_TRUE(slow.has_value());
  EXPECT_NE(slow->find("after 10000000300 s"), std::string::npos) << *slow;
}

TEST_F(LaunchEnvironment, PmixTellsByARankAboveZero) {
  set({{"PMIX_RANK", "0"}});
  EXPECT_TRUE(started_by_launcher());
  EXPECT_EQ(launch_mismatch(1), std::nullopt);
  set({{"PMIX_RANK", "1"}});
  EXPECT_TRUE(launch_mismatch(1).has_value());
}

TEST_F(LaunchEnvironment, MpirunWithOneProcessInsideAStepIsRight) {
  set({{"OMPI_COMM_WORLD_SIZE", "1"}, {"SLURM_PROCID", "1"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}});
  EXPECT_TRUE(started_by_launcher());
  EXPECT_EQ(launch_mismatch(1), std::nullopt);
}

TEST_F(LaunchEnvironment, CoresThatSlurmGrants) {
  EXPECT_EQ(granted_cores(1), std::nullopt);
  set({{"SLURM_CPUS_PER_TASK", "3"}});
  EXPECT_EQ(granted_cores(1), std::nullopt) << "left over in somebody's shell";
  set({{"SLURM_JOB_ID", "7"}, {"SLURM_CPUS_ON_NODE", "12"}});
  EXPECT_EQ(granted_cores(1), 12) << "a program started plainly in an allocation has all of it";
  set({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  EXPECT_EQ(granted_cores(4), 3);
  unsetenv("SLURM_CPUS_PER_TASK");
  EXPECT_EQ(granted_cores(4), 3);
  EXPECT_EQ(granted_cores(5), 2);
  EXPECT_EQ(granted_cores(20), 1);
}

TEST_F(LaunchEnvironment, MpirunThatWouldWaitForEver) {
  using std::chrono::seconds;
  EXPECT_EQ(slow_keepalive(2, seconds(600)), std::nullopt) << "no mpirun";
  set({{"OMPI_COMM_WORLD_SIZE", "4"}});
  EXPECT_EQ(slow_keepalive(1, seconds(10)), std::nullopt);
  EXPECT_EQ(slow_keepalive(2, seconds(600)), std::nullopt) << "it notices after 480 s";
  EXPECT_NE(slow_keepalive(2, seconds(480)), std::nullopt);
  set({{"OMPI_MCA_oob_tcp_keepalive_time", "10"},
       {"OMPI_MCA_oob_tcp_keepalive_intvl", "5"},
       {"OMPI_MCA_oob_tcp_keepalive_probes", "3"}});
  EXPECT_EQ(slow_keepalive(2, seconds(26)), std::nullopt);
  EXPECT_NE(slow_keepalive(2, seconds(25)), std::nullopt);
}

}  // namespace
}  // namespace alignment::dist
