#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "dist/communicator.hpp"

struct CUstream_st;
struct CUevent_st;

namespace dejavid::dist {

/// Ranks that add up arrays in GPU memory, in the order of a stream.
///
/// As with Communicator, all ranks make the same calls in the same order, from one thread. A collective that outlasts the
/// deadline after the work before it is done throws TimeoutError, a failed one RankLostError, from whichever call notices
/// it first; after either, every later call throws the same again.
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

  /// Gives up what is under way, so that GPU memory can be freed although other ranks will not come. Never throws; does
  /// nothing where nothing is under way.
  virtual void abort() noexcept = 0;
};

/// One rank: all_reduce() does nothing.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_self_device_communicator();

/// Through pinned host memory and `communicator`, which must outlive it. Ranks may share a GPU. The sums run in rank
/// order.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_staged_device_communicator(
    Communicator& communicator, std::chrono::duration<double> timeout);

/// NCCL on the calling thread's current GPU, set up over `communicator` (collective). Every rank must have a GPU of its
/// own. Throws LaunchError where NCCL refuses the set-up.
[[nodiscard]] std::unique_ptr<DeviceCommunicator> make_nccl_device_communicator(
    Communicator& communicator, std::chrono::duration<double> timeout);

/// NCCL's version at run time, "2.28.9"; "not built in" where it is not.
[[nodiscard]] std::string nccl_version();

}  // namespace dejavid::dist
