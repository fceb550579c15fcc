#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "dist/launch_environment.hpp"
#include "dist/text.hpp"
#include "io/durable_file.hpp"
#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/collective_checks.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/environment/library_versions.hpp"
#include "src/job/environment/machine.hpp"
#include "src/job/environment/threads.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/terminal/terminal.hpp"

namespace alignment {
namespace {

using Json = nlohmann::json;

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

/// What rank 0 prints, and whether a check failed.
class Report {
 public:
  void section(std::string_view title) { text_ += fmt::format("\n{}\n", title); }
  void line(std::string_view name, std::string_view value) { text_ += fmt::format("  {:<28}{}\n", name, value); }
  void warning(std::string_view what) { text_ += fmt::format("  warning: {}\n", what); }
  void check(std::string_view name, bool passed, std::string_view detail) {
    line(name, fmt::format("{}{}{}", passed ? "ok" : "FAILED", detail.empty() ? "" : ": ", detail));
    failures_ += passed ? 0 : 1;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  std::string text_;
  int failures_ = 0;
};

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "not set";
}

/// This rank's row of the table of ranks.
Json describe_rank(dist::Communicator& communicator, const DistConfig& config, const std::string& kernel_variant,
                   const GpuReport& gpus) {
  const dist::Topology& topology = communicator.topology();
  const int threads = thread_count(config, communicator);
  Json descriptions = Json::array();
  for (const GpuDescription& gpu : gpus.gpus) {
    descriptions.push_back(fmt::format("{}: {}, {:.1f} GiB, compute capability {}, PCI {}", gpu.index, gpu.name,
                                       static_cast<double>(gpu.memory_bytes) / kGibibyte, gpu.compute_capability,
                                       gpu.pci_id));
  }
  return {{"rank", topology.rank.value},
          {"local_rank", topology.local_rank.value},
          {"host", topology.host},
          {"pid", getpid()},
          {"threads", threads},
          {"cores", affinity_cores()},
          {"granted", dist::granted_cores(topology.local_size).value_or(0)},
          {"host_cores", sysconf(_SC_NPROCESSORS_ONLN)},
          {"processor", processor_model()},
          {"kernels", kernel_variant},
          {"gpus", descriptions},
          {"no_gpus", gpus.reason}};
}

/// Ranks of a host see the same GPUs, unless someone hides them from each other.
void report_gpus(const std::vector<Json>& ranks, Report& report) {
  report.section("GPUs");
  for (const Json& rank : ranks) {
    const std::string who = fmt::format("rank {} on {}", rank["rank"].get<int>(), rank["host"].get<std::string>());
    if (rank["gpus"].empty()) report.line(who, fmt::format("none: {}", rank["no_gpus"].get<std::string>()));
    for (const Json& gpu : rank["gpus"]) report.line(who, gpu.get<std::string>());
  }
}

void report_ranks(const std::vector<Json>& ranks, Report& report) {
  report.section("Ranks");
  report.line("rank (local)", "host, cores it may run on, threads, process, kernels, processor");
  for (const Json& rank : ranks) {
    report.line(
        fmt::format("{} ({})", rank["rank"].get<int>(), rank["local_rank"].get<int>()),
        fmt::format("{}, {} of {} cores, {} threads, process {}, {}, {}", rank["host"].get<std::string>(),
                    rank["cores"].size(), rank["host_cores"].get<long>(), rank["threads"].get<int>(),
                    rank["pid"].get<long>(), rank["kernels"].get<std::string>(), rank["processor"].get<std::string>()));
  }
  std::map<std::string, std::vector<RankCores>> hosts;
  std::map<std::string, std::size_t> cores_of_host;
  for (const Json& rank : ranks) {
    const std::string host = rank["host"];
    const auto cores = rank["cores"].get<std::vector<std::int32_t>>();
    const auto granted = rank["granted"].get<std::size_t>();
    if (granted == 0 || granted > cores.size()) hosts[host].push_back({host, cores});
    cores_of_host[host] = rank["host_cores"];
    if (rank["threads"].get<std::size_t>() > rank["cores"].size()) {
      report.warning(
          fmt::format("rank {}: found {} threads on {} cores; expected no more threads than cores; start with mpirun "
                      "--bind-to none, or lower dist.threads",
                      rank["rank"].get<int>(), rank["threads"].get<int>(), rank["cores"].size()));
    }
  }
  for (const auto& [host, local_ranks] : hosts) {
    const auto bound_to_one = [](const RankCores& rank) { return rank.cores.size() == 1; };
    if (std::all_of(local_ranks.begin(), local_ranks.end(), bound_to_one) && local_ranks.size() < cores_of_host[host]) {
      report.warning(
          fmt::format("{}: found {} rank(s) bound to one core each; expected them to share its {} cores; start "
                      "with mpirun --bind-to none",
                      host, local_ranks.size(), cores_of_host[host]));
    }
  }
}

void report_terminal(Report& report) {
  report.section("Terminal of rank 0");
  report.line("standard error", terminal::takes_escapes() ? fmt::format("a terminal, {} columns", terminal::width())
                                : terminal::is_terminal() ? "a terminal without escapes: progress in plain lines"
                                                          : "not a terminal: progress in plain lines");
  for (const char* name : {"TERM", "NO_COLOR", "LANG", "LC_ALL", "OMP_NUM_THREADS"})
    report.line(name, environment_value(name));
}

void report_run_folder(const std::string& program, const SharedConfig& config, Report& report) {
  const std::filesystem::path folder = config.run.dir.empty() ? "runs" : config.run.dir;
  const dist::Deadline deadline = waiting_for_files("a write to the run's folder", config.dist.timeout());
  const std::filesystem::path existing = nearest_existing_folder(folder);
  report.section("Run folder");
  report.line("folder", folder.string());
  report.line("file system", file_system_of(folder));
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(existing, error);
  report.line("free",
              error ? error.message() : fmt::format("{:.1f} GiB", static_cast<double>(space.available) / kGibibyte));
  const std::filesystem::path probe = existing / fmt::format(".dejavid_doctor_{}", getpid());
  try {
    io::write_text(probe, fmt::format("written by {} doctor\n", program));
    std::filesystem::remove(probe, error);
    report.check("can be written", !error, error ? error.message() : existing.string());
  } catch (const io::WriteError& failure) {
    report.check("can be written", false, failure.what());
  }
}

/// Collective. Rank 0's report says on which ranks a check failed.
void report_collectives(dist::Communicator& communicator, const std::vector<CollectiveCheck>& device_checks,
                        Report& report) {
  std::vector<CollectiveCheck> checks = check_collectives(communicator);
  checks.insert(checks.end(), device_checks.begin(), device_checks.end());
  std::string passed;
  for (const CollectiveCheck& check : checks) passed += check.passed ? '1' : '0';
  const std::vector<std::string> of_ranks = dist::gather_text(communicator, passed);
  if (!communicator.is_root()) return;

  report.section(
      fmt::format("Collectives ({} rank(s), backend {})", communicator.size().value, communicator.backend_name()));
  for (std::size_t index = 0; index < checks.size(); ++index) {
    std::vector<std::size_t> failing;
    for (std::size_t rank = 0; rank < of_ranks.size(); ++rank) {
      if (of_ranks[rank].at(index) != '1') failing.push_back(rank);
    }
    report.check(checks[index].name, failing.empty(),
                 failing.empty() ? "" : fmt::format("other values arrived on rank {}", fmt::join(failing, ", ")));
  }
}

}  // namespace

bool run_doctor(dist::Communicator& communicator, const std::string& program, const SharedConfig& config,
                const std::string& kernel_variant, const GpuReport& gpus,
                const std::vector<CollectiveCheck>& device_checks,
                const std::vector<std::pair<std::string, std::string>>& more_versions) {
  const std::string mine = describe_rank(communicator, config.dist, kernel_variant, gpus)
                               .dump(-1, ' ', false, Json::error_handler_t::replace);
  std::vector<Json> ranks;
  for (const std::string& rank : dist::gather_text(communicator, mine)) ranks.push_back(Json::parse(rank));

  Report report;
  report_collectives(communicator, device_checks, report);
  std::int32_t failures = 0;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    Report whole;
    whole.section("Versions");
    for (const auto& [name, version] : library_versions()) whole.line(name, version);
    for (const auto& [name, version] : more_versions) whole.line(name, version);
    for (const auto& [name, version] : gpu_versions(gpus)) whole.line(name, version);
    report_ranks(ranks, whole);
    if (gpus.built_in) report_gpus(ranks, whole);
    report_terminal(whole);
    report_run_folder(program, config, whole);
    failures = whole.failures() + report.failures();
    io::write_standard_output(
        fmt::format("{} doctor\n{}{}\n{}\n", program, whole.text(), report.text(),
                    failures == 0 ? "All checks passed." : fmt::format("{} check(s) FAILED.", failures)));
  });
  communicator.broadcast(std::span<std::int32_t>(&failures, 1), dist::Rank{0});
  return failures == 0;
}

}  // namespace alignment
