#pragma once

#include <cuda_runtime.h>

#include <functional>

/// Calls CUDA and throws std::runtime_error with the call's text where it does not succeed.
#define CUDA_CHECK(call) ::alignment::dist::detail::check_cuda((call), #call)

namespace alignment::dist::detail {

void check_cuda(cudaError_t result, const char* call);

/// cudaSuccess where `event` has happened, cudaErrorNotReady where not, or an error. Never waits, and leaves no "not
/// ready" for a later cudaGetLastError() to find.
[[nodiscard]] cudaError_t query(cudaEvent_t event);

/// Polls until `event` has happened; `look_around`, called now and then, may throw to leave. A blocking CUDA call would
/// wait for a collective that never ends.
void wait_for(cudaEvent_t event, const std::function<void()>& look_around);

}  // namespace alignment::dist::detail
