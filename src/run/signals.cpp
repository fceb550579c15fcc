#include "src/run/signals.hpp"

#include <csignal>

namespace dejavid {
namespace {

volatile std::sig_atomic_t stop_flag = 0;

void raise_flag(int) {
  stop_flag = 1;
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = raise_flag;
  action.sa_flags = SA_RESTART;  // a read or write under way goes on
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR2, &action, nullptr);
}

bool stop_requested() {
  return stop_flag != 0;
}

}  // namespace dejavid
