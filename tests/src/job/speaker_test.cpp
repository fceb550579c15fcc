// Which process of a job speaks before MPI has started.
#include "src/job/speaker.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace alignment {
namespace {

TEST(CommandLine, OneProcessOfAJobSpeaks) {
  const std::vector<std::string> marks = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  for (const std::string& mark : marks) unsetenv(mark.c_str());
  EXPECT_TRUE(speaks_for_the_job());
  for (const std::string& mark : marks) {
    setenv(mark.c_str(), "1", 1);
    EXPECT_FALSE(speaks_for_the_job()) << mark;
    setenv(mark.c_str(), "0", 1);
    EXPECT_TRUE(speaks_for_the_job()) << mark;
    unsetenv(mark.c_str());
  }
  setenv("SLURM_PROCID", "3", 1);
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  EXPECT_TRUE(speaks_for_the_job()) << "mpirun within an allocation decides";
  unsetenv("SLURM_PROCID");
  unsetenv("OMPI_COMM_WORLD_RANK");
}

}  // namespace
}  // namespace alignment
