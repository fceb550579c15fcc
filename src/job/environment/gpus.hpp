#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace alignment {

/// One GPU as its driver describes it.
struct GpuDescription {
  int index = 0;  ///< among those that the process may use
  std::string name;
  std::int64_t memory_bytes = 0;
  std::string compute_capability;  ///< "9.0"
  std::string pci_id;              ///< "0000:1b:00.0"
};

/// What a process can compute with beside the CPU.
struct GpuReport {
  bool built_in = false;        ///< whether this program was built with CUDA; nothing else stands here if not
  std::string driver, runtime;  ///< CUDA versions, "13.0"; the driver's is "none" where there is none
  std::string nccl;             ///< NCCL's version
  std::string reason;           ///< why there are no GPUs, where there are none
  std::vector<GpuDescription> gpus;
};

/// Names and versions of what CUDA brings; none where it is not built in.
[[nodiscard]] inline std::vector<std::pair<std::string, std::string>> gpu_versions(const GpuReport& report) {
  if (!report.built_in) return {};
  return {{"CUDA runtime", report.runtime}, {"CUDA driver", report.driver}, {"NCCL", report.nccl}};
}

}  // namespace alignment
