#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cuda_shim.hpp"
#include "grid.hpp"

/// What outlives an event's handle: a wait for it may still be enqueued.
struct CUevent_st {
  struct Moments {
    std::uint64_t recorded = 0;  ///< records enqueued
    std::uint64_t happened = 0;  ///< records that the stream has passed
    std::chrono::steady_clock::time_point time;
  };
  std::shared_ptr<Moments> moments = std::make_shared<Moments>();
  bool timed = true;
};

struct CUstream_st {
  struct Operation {
    std::uint64_t number = 0;  ///< in the order of enqueueing, over all streams
    /// What is done, called without the lock; false where it is not done yet and is to be called again.
    std::function<bool()> run = {};
    /// Where set, may go on only once it returns true; called with the lock.
    std::function<bool()> ready = {};
    /// What follows, with the lock.
    std::function<void()> done = {};
  };
  std::deque<Operation> operations;
  int device = 0;
  bool legacy = false;   ///< the legacy default stream of its device
  bool blocking = true;  ///< is ordered with the legacy default stream
  int priority = 0;
};

namespace alignment::cuda_shim {

/// The streams of all devices and the thread that works them off.
class Streams {
 public:
  using Operation = CUstream_st::Operation;

  cudaStream_t create(int device, bool blocking, int priority);
  /// What is enqueued is still done.
  void destroy(cudaStream_t stream);
  bool known(cudaStream_t stream);
  /// nullptr: that of every default stream.
  int priority(cudaStream_t stream);
  /// Of those not destroyed, in the order of their creation.
  std::vector<int> priorities();

  cudaEvent_t create_event(bool timed);
  void destroy(cudaEvent_t event);
  bool known(cudaEvent_t event);

  /// In these, `stream` nullptr is the legacy default stream of `device`.
  void enqueue(cudaStream_t stream, int device, std::function<bool()> run);
  /// What other streams, by chance, find not done yet although nothing came before it.
  void enqueue_late(cudaStream_t stream, int device, std::function<bool()> run);
  void record(cudaEvent_t event, cudaStream_t stream, int device);
  void wait_for(cudaEvent_t event, cudaStream_t stream, int device);
  void launch(cudaStream_t stream, int device, std::function<void(std::uint64_t seed)> grid);

  bool idle(cudaStream_t stream, int device);
  void synchronize(cudaStream_t stream, int device);
  void synchronize_device(int device);
  bool happened(cudaEvent_t event);
  void synchronize(cudaEvent_t event);
  CUevent_st::Moments moments(cudaEvent_t event);

  void set_seed(std::uint64_t seed);
  void fill(Held& held);
  /// Drops what is enqueued and ends the thread; the process ends.
  void stop();
  [[nodiscard]] bool stopped();

 private:
  void push(cudaStream_t stream, int device, Operation operation);
  void start();
  void work();
  CUstream_st* resolve(cudaStream_t stream, int device);
  std::vector<CUstream_st*> runnable();
  bool may_run(const CUstream_st& stream);
  bool passed(const CUstream_st& stream, std::uint64_t number) const;
  bool all_passed(const CUstream_st* stream, int device, std::uint64_t number);
  void wait_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& condition);

  std::mutex mutex_;
  std::condition_variable work_, progress_;
  std::vector<std::unique_ptr<CUstream_st>> streams_;
  std::set<cudaStream_t> handles_;  ///< of those not destroyed
  std::set<cudaEvent_t> events_;
  std::uint64_t next_number_ = 1;
  std::int64_t launches_ = 0;
  Chance chance_{1};
  bool started_ = false, stopping_ = false;
  int process_ = 0;
  std::thread thread_;
};

Streams& streams();

}  // namespace alignment::cuda_shim
