#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "dist/communicator.hpp"

struct CUstream_st;
struct CUevent_st;

namespace alignment::dist {

/// Ranks that add up arrays in GPU memory, in the order of a stream.
///
/// As with Communicator, all ranks make the same calls in the same order, from one thread. A collective that outlasts
/// the deadline after the work before it is done throws TimeoutError, a failed one RankLostError, from whichever call
/// notices it first; after either, every later call throws the same again.
///
/// Where collectives run on the GPU (asynchronous()), a thread looks after them. While one is stuck, calls into CUDA
/// may never return, cudaFree among them: after a failure call abort() before anything else. A process that has neither
/// noticed a failure nor given up what is under way after the grace time ends with the failure's line and exit code, 14
/// or 15.
class DeviceCommunicator {
 public:
  virtual ~DeviceCommunicator() = default;
  DeviceCommunicator() = default;
  DeviceCommunicator(const DeviceCommunicator&) = delete;
  DeviceCommunicator& operator=(const DeviceCommunicator&) = delete;

  [[nodiscard]] virtual const char* backend_name() const = 0;  ///< "nccl", "mpi" or "none"

  /// Whether all_reduce() only enqueues, so that the host runs ahead and work on other streams goes on meanwhile. Where
  /// not, a call waits for the stream and for the other ranks: agree before it that every rank comes to it.
  [[nodiscard]] virtual bool asynchronous() const = 0;

  /// Sums `values` (GPU memory) element by element over all ranks, in place, after what is on `stream` and before what
  /// follows. Every rank ends with the same bits.
  virtual void all_reduce(std::span<float> values, ::CUstream_st* stream) = 0;

  /// Returns once `event` has happened. Looks after collectives under way while it waits.
  virtual void wait(::CUevent_st* event) = 0;

  /// Gives up what is under way, so that GPU memory can be freed although other ranks will not come; no collective can
  /// follow. Never throws; does nothing where nothing is under way and nothing has failed.
  virtual void abort() noexcept = 0;

  /// The training step that later collectives belong to, for messages; -1 for none.
  void set_step(std::int64_t step) { step_ = step; }

 protected:
  [[nodiscard]] std::int64_t step() const { return step_; }

 private:
  std::int64_t step_ = -1;
};

/// One rank: all_reduce() does nothing.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_self_device_communicator();

/// Through pinned host memory (32 MiB at most) and `communicator`, which must outlive it and whose deadline holds.
/// Ranks may share a GPU. The sums run in rank order.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_staged_device_communicator(Communicator& communicator);

/// From a failure until the process is ended; also how long giving up may take.
inline constexpr std::chrono::seconds kDeviceGrace{10};

/// NCCL on the calling thread's current GPU, set up over `communicator` (collective), which is not used afterwards.
/// `timeout` (above zero) is how long the set-up, any one collective and the destructor may take. Throws LaunchError
/// where two ranks have the same GPU or NCCL refuses the set-up, TimeoutError where a rank does not come. The
/// destructor is collective, unless something failed or an exception unwinds past it. `grace` is for tests.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_nccl_device_communicator(
    Communicator& communicator, std::chrono::duration<double> timeout,
    std::chrono::duration<double> grace = kDeviceGrace);

/// NCCL's version at run time, "2.28.9".
[[nodiscard]] std::string nccl_version();

}  // namespace alignment::dist
