#include "src/job/signals/signals.hpp"

#include <atomic>
#include <csignal>
#include <utility>

namespace alignment {
namespace {

/// Raised by a handler, on whichever thread it runs, and read by others.
constinit std::atomic<bool> stop_flag = false;
static_assert(std::atomic<bool>::is_always_lock_free);

constinit thread_local StopQuestion* of_thread = nullptr;

void raise_flag(int) {
  stop_flag = true;
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = raise_flag;
  action.sa_flags = SA_RESTART;  // a read or write under way goes on
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR2, &action, nullptr);
  if (stop_requested()) return;  // installed already, it may have struck, and is then the usual one again
  action.sa_flags |= static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool stop_requested() {
  return stop_flag || (of_thread != nullptr && of_thread->asked_());
}

StopQuestion::StopQuestion(std::function<bool()> asked)
    : asked_(std::move(asked)), before_(std::exchange(of_thread, this)) {}

StopQuestion::~StopQuestion() {
  of_thread = before_;
}

void throw_if_asked_to_stop() {
  if (stop_requested()) {
    throw StopRequested("asked to stop before the first step: nothing was lost; the same command starts again");
  }
}

}  // namespace alignment
