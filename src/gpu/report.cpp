#include <cuda_runtime.h>
#include <fmt/format.h>

#include <array>

#include "dist/cuda/call.hpp"
#include "dist/device_communicator.hpp"
#include "src/gpu/gpus.hpp"

namespace alignment {
namespace {

using dist::check_cuda;

/// "13.0" from 13000.
std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

GpuDescription describe_gpu(int index) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  std::array<char, 32> pci_id{};
  check_cuda(cudaDeviceGetPCIBusId(pci_id.data(), static_cast<int>(pci_id.size()), index), "cudaDeviceGetPCIBusId");
  GpuDescription gpu;
  gpu.index = index;
  gpu.name = properties.name;
  gpu.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  gpu.compute_capability = fmt::format("{}.{}", properties.major, properties.minor);
  gpu.pci_id = pci_id.data();
  return gpu;
}

}  // namespace

GpuReport report_gpus() {
  GpuReport report;
  report.built_in = true;
  report.nccl = dist::nccl_version();
  int version = 0;
  check_cuda(cudaRuntimeGetVersion(&version), "cudaRuntimeGetVersion");
  report.runtime = version_text(version);
  const cudaError_t asked = cudaDriverGetVersion(&version);
  report.driver = asked == cudaSuccess && version > 0 ? version_text(version) : "none";
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    report.reason = cudaGetErrorString(found);
    return report;
  }
  if (count == 0) report.reason = "the driver names none";
  for (int index = 0; index < count; ++index) report.gpus.push_back(describe_gpu(index));
  return report;
}

}  // namespace alignment
