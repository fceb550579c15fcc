#pragma once

#include <memory>

/// LibTorch's threads. It computes with as many as its process has set (torch.set_num_threads), which is another's to
/// say in a Python process, and sums depend on their number.
namespace alignment::lrprop {

/// From now on LibTorch computes on this thread alone. Other threads' numbers stay as they are.
void compute_alone();

/// While one lives, LibTorch is on this thread as on a new one (no mode such as torch.no_grad or autocast) and computes
/// alone; then as before. Products of f32 matrices are computed in f32 meanwhile, by the whole process. For threads
/// that are another's; to be made and destroyed on the same one.
class BorrowedThread {
 public:
  BorrowedThread();
  ~BorrowedThread();
  BorrowedThread(const BorrowedThread&) = delete;
  BorrowedThread& operator=(const BorrowedThread&) = delete;

 private:
  struct Before;
  std::unique_ptr<Before> before_;
};

}  // namespace alignment::lrprop
