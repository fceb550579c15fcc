#include "dist/cuda/call.hpp"

#include <fmt/format.h>

#include <limits>

#include "dist/mpi/call.hpp"
#include "dist/watch/polling_wait.hpp"

namespace alignment::dist {

void check_cuda(cudaError_t result, const char* call) {
  if (result == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  throw CudaError(
      fmt::format("{}: found the error {} ({}) in {}; expected success; see dejavid_dist doctor and the driver's log",
                  detail::who(), cudaGetErrorName(result), cudaGetErrorString(result), call));
}

namespace detail {

cudaError_t query(cudaEvent_t event) {
  const cudaError_t result = cudaEventQuery(event);
  if (result == cudaErrorNotReady) static_cast<void>(cudaGetLastError());
  return result;
}

void wait_for(cudaEvent_t event, const std::function<void()>& look_around) {
  PollingWait polling{Seconds(std::numeric_limits<double>::infinity())};
  for (;;) {
    look_around();
    const cudaError_t result = query(event);
    if (result == cudaSuccess) return;
    if (result != cudaErrorNotReady) check_cuda(result, "cudaEventQuery(event)");
    static_cast<void>(polling.rest());
  }
}

}  // namespace detail
}  // namespace alignment::dist
