#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

/// CUDA's runtime on the CPU, for tests.
///
/// Kernels: blocks one after the other, the threads of a block as fibres that change over at barriers, in an order
/// drawn by chance between them. A barrier that part of a block does not reach, a shuffle from a lane that does not
/// take part, a misaligned asynchronous copy, a matrix operation without all lanes of its warp or from anywhere but
/// aligned dynamic shared memory, and a write past the block's shared memory end the process with a message.
///
/// Products of matrices are summed in f64 and rounded once, see matrix.hpp: closer than a GPU, whose sums in f32 may be
/// off by 2^-23 of the largest term for each of the terms. Tolerances of kernels have to allow for that.
///
/// Streams: queues that one thread of its own works off, the next stream drawn by chance among those that may go on, so
/// that a missing event or wait shows as a wrong result. A cudaMemcpy from pageable memory to the device returns before
/// the copy there is done, as CUDA's may: work on the default stream, and on those that wait for it, finds it. Memory
/// from cudaMalloc and shared memory start as NaN.
///
/// | environment variable | default | |
/// | DEJAVID_SHIM_DEVICES | 1 | number of devices |
/// | DEJAVID_SHIM_FIRST | 0 | number of the machine's device that is the first of these: launchers show each rank
/// others | | DEJAVID_SHIM_MEMORY | 8589934592 | bytes of each device | | DEJAVID_SHIM_SEED | 1 | of what is drawn by
/// chance | | DEJAVID_SHIM_STUCK | none | number of the launch, from 1, that never ends |
namespace alignment::cuda_shim {

/// Draws anew from `seed` on. Call it while nothing is under way.
void set_seed(std::uint64_t seed);

/// Enqueues `done` on `stream` (nullptr: the legacy default stream). It is called again and again, other streams going
/// on between, until it returns true. It must neither block for long nor call CUDA.
void enqueue(cudaStream_t stream, std::function<bool()> done);

/// As after a kernel that failed with `error`: from now on every call that needs the device answers so. cudaSuccess: no
/// longer, which CUDA does not know.
void break_device(cudaError_t error);

/// What the process holds, over all devices.
struct Held {
  std::int64_t device_allocations = 0, pinned_allocations = 0, streams = 0, events = 0;
  std::size_t pinned_bytes = 0;
  std::size_t device_bytes = 0, peak_device_bytes = 0;  ///< peak: since the start or reset_peak()
  std::int64_t launches = 0;                            ///< kernels enqueued since the start
};
[[nodiscard]] Held held();
void reset_peak();

/// Priorities of the streams that the process holds, in the order of their creation; less is served first. The
/// emulation itself takes no notice of them: a program may rely on events only.
[[nodiscard]] std::vector<int> stream_priorities();

}  // namespace alignment::cuda_shim
