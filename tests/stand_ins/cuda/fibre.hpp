#pragma once

#include <memory>

namespace alignment::cuda_shim {

/// A function with a stack of its own, which changes over with the one who resumes it.
class Fibre {
 public:
  using Function = void (*)(void* argument);

  /// The first resume() enters function(argument), which must never return.
  Fibre(Function function, void* argument);
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// Goes on in the fibre until it suspends.
  void resume();
  /// Goes on where resume() was called.
  void suspend();

 private:
  static void enter();
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace alignment::cuda_shim
