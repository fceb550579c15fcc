#include "dist/cuda/call.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <stdexcept>

#include "dist/mpi/call.hpp"
#include "dist/watch/patience.hpp"

namespace alignment::dist::detail {

void check_cuda(cudaError_t result, const char* call) {
  if (result == cudaSuccess) return;
  throw std::runtime_error(fmt::format("{}: found CUDA error {} ({}) in {}; expected it to succeed; see nvidia-smi",
                                       who(), static_cast<int>(result), cudaGetErrorString(result), call));
}

cudaError_t query(cudaEvent_t event) {
  const cudaError_t result = cudaEventQuery(event);
  if (result == cudaErrorNotReady) static_cast<void>(cudaGetLastError());
  return result;
}

void wait_for(cudaEvent_t event, const std::function<void()>& look_around) {
  Patience patience(std::chrono::duration<double>(std::numeric_limits<double>::infinity()));
  patience.start(Awaited::kPeers);
  for (;;) {
    look_around();
    const cudaError_t result = query(event);
    if (result == cudaSuccess) return;
    if (result != cudaErrorNotReady) check_cuda(result, "cudaEventQuery(event)");
    static_cast<void>(patience.rest());
  }
}

}  // namespace alignment::dist::detail
