#include "dist/launch_environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dist/mpi/session.hpp"

namespace alignment::dist {
namespace {

bool is_set(const char* variable) {
  return std::getenv(variable) != nullptr;
}

std::optional<int> number(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

struct Promise {
  const char* variable;
  std::int64_t processes;
};

std::optional<Promise> slurm_step() {
  if (!is_set("SLURM_STEP_ID") || !is_set("SLURM_PROCID")) return std::nullopt;
  const std::optional<int> tasks = number("SLURM_STEP_NUM_TASKS");
  if (!tasks || *tasks <= 1) return std::nullopt;
  return Promise{"SLURM_STEP_NUM_TASKS", *tasks};
}

std::optional<Promise> promised_processes() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const std::optional<int> processes = number(variable)) return Promise{variable, *processes};
  }
  // PMIx tells a process its rank but not the count; a rank above 0 means at least two.
  if (const std::optional<int> rank = number("PMIX_RANK"); rank && *rank > 0)
    return Promise{"PMIX_RANK + 1", std::int64_t{*rank} + 1};
  return slurm_step();
}

}  // namespace

std::optional<std::string> launch_mismatch(int world_size) {
  const std::optional<Promise> promise = promised_processes();
  if (!promise || promise->processes <= 1 || world_size > 1) return std::nullopt;
  return fmt::format(
      "launch: found an MPI world of 1 process while {} = {}; expected one world of all of them; "
      "start with `srun --mpi=pmix`, or with the mpirun of the Open MPI that this program was built with",
      promise->variable, promise->processes);
}

int promised_rank() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"}) {
    if (const std::optional<int> rank = number(variable)) return *rank;
  }
  return slurm_step() ? number("SLURM_PROCID").value_or(0) : 0;
}

bool started_by_launcher() {
  return is_set("OMPI_COMM_WORLD_SIZE") || is_set("PMI_SIZE") || is_set("PMIX_RANK") || slurm_step().has_value();
}

std::optional<int> granted_cores(int ranks_on_host) {
  if (!is_set("SLURM_JOB_ID")) return std::nullopt;
  if (started_by_launcher()) {
    if (const std::optional<int> per_task = number("SLURM_CPUS_PER_TASK")) return per_task;
  }
  const std::optional<int> on_host = number("SLURM_CPUS_ON_NODE");
  if (!on_host) return std::nullopt;
  return std::max(1, *on_host / std::max(1, ranks_on_host));
}

std::optional<std::string> slow_keepalive(int hosts, std::chrono::duration<double> timeout) {
  if (hosts < 2 || !is_set("OMPI_COMM_WORLD_SIZE") || is_set("SLURM_STEP_LAUNCHER_PORT")) return std::nullopt;
  constexpr int kIdle = 300, kInterval = 20, kProbes = 9;  // Open MPI's defaults
  const std::int64_t interval = number("OMPI_MCA_oob_tcp_keepalive_intvl").value_or(kInterval),
                     probes = number("OMPI_MCA_oob_tcp_keepalive_probes").value_or(kProbes);
  const std::int64_t seconds = number("OMPI_MCA_oob_tcp_keepalive_time").value_or(kIdle) + interval * probes;
  if (timeout.count() > static_cast<double>(seconds)) return std::nullopt;
  return fmt::format(
      "launch: mpirun notices a cut network after {} s, and may never return where ranks give up before "
      "(dist.timeout_s "
      "= {:g}); start it with OMPI_MCA_oob_tcp_keepalive_time=10, OMPI_MCA_oob_tcp_keepalive_intvl=5 and "
      "OMPI_MCA_oob_tcp_keepalive_probes=3 in the environment, and dist.timeout_s above 25",
      seconds, timeout.count());
}

}  // namespace alignment::dist
