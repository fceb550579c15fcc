#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <stdexcept>

/// Calls CUDA and throws CudaError with the call's text where it does not succeed.
#define CUDA_CHECK(call) ::alignment::dist::check_cuda((call), #call)

namespace alignment::dist {

/// A call into CUDA that failed. The message names the rank and the call.
struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws CudaError where `call` (for the message) did not succeed, and clears the error, so that a later launch does
/// not report it again.
void check_cuda(cudaError_t result, const char* call);

namespace detail {

/// cudaSuccess where `event` has happened, cudaErrorNotReady where not, or an error. Never waits, and leaves no "not
/// ready" for a later cudaGetLastError() to find.
[[nodiscard]] cudaError_t query(cudaEvent_t event);

/// Polls until `event` has happened; `look_around`, called now and then, may throw to leave. A blocking CUDA call would
/// wait for a collective that never ends.
void wait_for(cudaEvent_t event, const std::function<void()>& look_around);

}  // namespace detail
}  // namespace alignment::dist
