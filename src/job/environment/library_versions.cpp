#include "src/job/environment/library_versions.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <mpi.h>
#include <spdlog/version.h>

#include <array>
#include <nlohmann/json.hpp>

#include "src/job/environment/environment.hpp"

namespace alignment {
namespace {

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

/// "Open MPI v4.1.4"; allowed before MPI_Init.
std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string version(text.data(), static_cast<std::size_t>(length));
  return version.substr(0, version.find_first_of(",\n"));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  return {
      {"dejavid_dist", DEJAVID_VERSION},
      {"git revision", DEJAVID_GIT_REVISION},
      {"compiler", DEJAVID_COMPILER},
      {"LibTorch", torch_description()},
      {"MPI", mpi_version()},
      {"HDF5", hdf5_version()},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
      {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"nlohmann-json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
  };
}

}  // namespace alignment
