#include "src/lrprop/network/torch_thread.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <dlfcn.h>

#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace alignment::lrprop {
namespace {

thread_local bool computes_alone = false;

/// at::set_num_threads() sets the number of this thread and the one that threads begin with which have not computed
/// yet, and the latter is another's. This thread's alone is OpenMP's and MKL's, as LibTorch itself has them: a process
/// may hold several OpenMPs.
void set_threads_of_this_thread(int count) {
  using Set = void (*)(int);
  struct Setters {
    void* torch = dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
    Set of_openmp = torch == nullptr ? nullptr : reinterpret_cast<Set>(dlsym(torch, "omp_set_num_threads"));
    Set of_mkl = torch == nullptr ? nullptr : reinterpret_cast<Set>(dlsym(torch, "MKL_Set_Num_Threads_Local"));
  };
  static const Setters setters;
  if (setters.of_openmp == nullptr || (at::hasMKL() && setters.of_mkl == nullptr)) {
    at::set_num_threads(count);  // a LibTorch that was built otherwise: threads that begin have this number, too
    return;
  }
  setters.of_openmp(count);
  if (setters.of_mkl != nullptr) setters.of_mkl(count);
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
  if (!computes_alone && before_->threads != 1) set_threads_of_this_thread(before_->threads);
}

}  // namespace alignment::lrprop
