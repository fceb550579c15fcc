#include "src/job/signals/early_signals.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace alignment {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGUSR2, SIGINT};

/// The kernel's own set, and no function of libc, which may not be ready yet, nor a sanitizer's in its place.
void change_mask(int how) {
  unsigned long set = 0;
  for (const int signal : kSignals) set |= 1UL << (static_cast<unsigned>(signal) - 1U);
  ::syscall(SYS_rt_sigprocmask, how, &set, nullptr, sizeof set);  // NOLINT(cppcoreguidelines-pro-type-vararg)
}

void hold_stop_signals(int /*argument_count*/, char** /*arguments*/, char** /*environment*/) {
  change_mask(SIG_BLOCK);
}

/// Called before the initialisers of every shared library.
[[gnu::section(".preinit_array"), gnu::used]] void (*const at_start)(int, char**, char**) = hold_stop_signals;

}  // namespace

void let_stop_signals_through() {
  change_mask(SIG_UNBLOCK);
}

}  // namespace alignment
