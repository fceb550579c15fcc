#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace alignment::dejavid::bench {

/// The scaling records of files that `dejavid_bench scaling --json` has written. Throws ConfigError with the file's
/// name.
[[nodiscard]] std::vector<nlohmann::ordered_json> read_scaling_records(const std::vector<std::filesystem::path>& files);

/// What a run is compared with: those of `records` that measured the same (mode, shape, device, threads, kernels)
/// undisturbed.
struct Baselines {
  std::optional<nlohmann::ordered_json> one_rank;
  std::optional<nlohmann::ordered_json> one_host;  ///< with the most ranks, and the same number on a host as `run`
};
[[nodiscard]] Baselines find_baselines(const std::vector<nlohmann::ordered_json>& records,
                                       const nlohmann::ordered_json& run);

/// Samples a second of `run` for every rank, over those of `baseline`.
[[nodiscard]] double efficiency_of(const nlohmann::ordered_json& run, const nlohmann::ordered_json& baseline);

}  // namespace alignment::dejavid::bench
