#include "src/job/environment/environment.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>

#include "dist/text.hpp"
#include "src/job/environment/library_versions.hpp"
#include "src/job/environment/machine.hpp"
#include "src/job/environment/threads.hpp"

namespace alignment {
namespace {

using Json = nlohmann::ordered_json;

Json slurm_variables() {
  Json variables = Json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (!text.starts_with("SLURM_") || equals == std::string_view::npos) continue;
    variables[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
  }
  return variables;
}

/// Text that is not UTF-8 (in a Slurm variable, say) must not cost the whole file.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string describe_environment(dist::Communicator& communicator, const DistConfig& config,
                                 const std::string& kernel_variant, const GpuReport& gpus, const std::string& device) {
  const dist::Topology& topology = communicator.topology();
  const int threads = thread_count(config, communicator);
  Json mine = {{"rank", topology.rank.value},
               {"local_rank", topology.local_rank.value},
               {"host", topology.host},
               {"pid", getpid()},
               {"threads", threads},
               {"affinity_cores", affinity_cores().size()},
               {"host_cores", std::thread::hardware_concurrency()},
               {"processor", processor_model()},
               {"kernel_variant", kernel_variant}};
  mine["gpus"] = Json::array();
  for (const GpuDescription& gpu : gpus.gpus) {
    mine["gpus"].push_back({{"index", gpu.index},
                            {"name", gpu.name},
                            {"memory_bytes", gpu.memory_bytes},
                            {"compute_capability", gpu.compute_capability},
                            {"pci_id", gpu.pci_id}});
  }
  const std::vector<std::string> ranks = dist::gather_text(communicator, dump(mine, -1));
  if (!communicator.is_root()) return "";

  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  Json environment = {{"started_utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))},
                      {"command_line", process_command_line()},
                      {"working_folder", nearest_existing_folder(".").string()}};
  for (const auto& [name, version] : library_versions()) environment["versions"][name] = version;
  for (const auto& [name, version] : gpu_versions(gpus)) environment["versions"][name] = version;
  environment["device"] = device;
  environment["world_size"] = communicator.size().value;
  environment["backend"] = communicator.backend_name();
  environment["slurm"] = slurm_variables();
  environment["ranks"] = Json::array();
  for (const std::string& rank : ranks) environment["ranks"].push_back(Json::parse(rank));
  return dump(environment, 2) + '\n';
}

}  // namespace alignment
