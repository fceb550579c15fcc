#include "src/lrprop/network/torch_thread.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <mutex>
#include <optional>
#include <semaphore>
#include <system_error>
#include <thread>
#include <utility>

namespace alignment::lrprop {
namespace {

thread_local bool computes_alone = false;

/// at::set_num_threads() sets two numbers: this thread's, and the one that threads begin with which have not computed
/// yet. The latter a new thread reads before and sets again behind it.
void set_threads_of_this_thread(int count) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  std::binary_semaphore has_read(0), has_changed(0);
  std::thread keeper([&] {
    const int of_new_threads = at::get_num_threads();
    has_read.release();
    has_changed.acquire();
    at::set_num_threads(of_new_threads);
  });
  has_read.acquire();
  at::set_num_threads(count);
  has_changed.release();
  keeper.join();
}

/// What a new thread computes under.
at::ThreadLocalState state_of_new_thread() {
  std::optional<at::ThreadLocalState> state;
  std::thread([&] { state.emplace(); }).join();
  return *std::move(state);
}

/// While one lives, products of f32 matrices are computed in f32 on the CPU: a process may allow bf16 on processors
/// that have it (torch.set_float32_matmul_precision, torch.backends.mkldnn.matmul.fp32_precision), but only for all of
/// its threads.
class FullPrecision {
 public:
  FullPrecision() {
    const std::lock_guard lock(changes);
    if (alive == 0) {
      before = at::globalContext().float32Precision(kBackend, kOperation);
      if (is_reduced(before)) set(at::Float32Precision::IEEE);
    }
    ++alive;
  }
  ~FullPrecision() {
    const std::lock_guard lock(changes);
    if (--alive == 0 && is_reduced(before)) set(before);
  }
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  static constexpr at::Float32Backend kBackend = at::Float32Backend::MKLDNN;
  static constexpr at::Float32Op kOperation = at::Float32Op::MATMUL;

  static bool is_reduced(at::Float32Precision precision) {
    return precision != at::Float32Precision::NONE && precision != at::Float32Precision::IEEE;
  }
  static void set(at::Float32Precision precision) {
    at::globalContext().setFloat32Precision(kBackend, kOperation, precision);
  }
  static inline std::mutex changes;
  static inline int alive = 0;
  static inline at::Float32Precision before = at::Float32Precision::NONE;
};

}  // namespace

void compute_alone() {
  if (computes_alone) return;
  if (at::get_num_threads() != 1) set_threads_of_this_thread(1);
  computes_alone = true;
}

struct BorrowedThread::Before {
  bool alone = computes_alone;
  int threads = at::get_num_threads();
  at::ThreadLocalStateGuard as_new{state_of_new_thread()};
  FullPrecision full_precision;
};

BorrowedThread::BorrowedThread() : before_(std::make_unique<Before>()) {
  compute_alone();
}

BorrowedThread::~BorrowedThread() {
  computes_alone = before_->alone;
  if (computes_alone || before_->threads == 1) return;
  try {
    set_threads_of_this_thread(before_->threads);
  } catch (const std::system_error&) {  // no room for a thread: those that begin later have this one's number, too
    at::set_num_threads(before_->threads);
  }
}

}  // namespace alignment::lrprop
