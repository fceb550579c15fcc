#include "src/job/early_signals.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

namespace alignment {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGUSR2, SIGINT};

/// The kernel's own set: libc's functions may not be ready yet, nor a sanitizer's in their place.
unsigned long held_before = 0;

void change_mask(int how, const unsigned long* set, unsigned long* before) {
  ::syscall(SYS_rt_sigprocmask, how, set, before, sizeof *set);  // NOLINT(cppcoreguidelines-pro-type-vararg)
}

void hold_stop_signals(int /*argument_count*/, char** /*arguments*/, char** /*environment*/) {
  unsigned long held = 0;
  for (const int signal : kSignals) held |= 1UL << (static_cast<unsigned>(signal) - 1U);
  change_mask(SIG_BLOCK, &held, &held_before);
}

/// Called before the initialisers of every shared library.
[[gnu::section(".preinit_array"), gnu::used]] void (*const at_start)(int, char**, char**) = hold_stop_signals;

}  // namespace

void let_stop_signals_through() {
  change_mask(SIG_SETMASK, &held_before, nullptr);
}

}  // namespace alignment
