#include "io/hdf5/crash_guard.hpp"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <memory>
#include <string_view>

namespace alignment::io {
namespace {

constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
/// Raised by this file's timers only; one that comes from elsewhere (a limit of the shell) is handed on.
constexpr int kTooLong = SIGXCPU;

constinit thread_local const CrashGuard* innermost = nullptr;
std::atomic<int> report_descriptor{STDERR_FILENO};
std::atomic<std::int64_t> limit_ms{120'000};
struct sigaction previous_actions[NSIG];
const char kTimerMark = 0;  ///< its address is what the timers' signals carry

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

/// One line of at most 4 KiB, which a pipe takes whole; only what a signal handler may do.
class Line {
 public:
  void add(std::string_view text) {
    const std::size_t count = text.size() < bytes_.size() - size_ ? text.size() : bytes_.size() - size_;
    std::memcpy(bytes_.data() + size_, text.data(), count);
    size_ += count;
  }
  void add(int number) {
    char digits[12];
    std::size_t at = sizeof digits;
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    add(std::string_view(digits + at, sizeof digits - at));
  }
  void write() const {
    const int descriptor = report_descriptor.load();
    for (std::size_t at = 0; at < size_;) {
      const ssize_t written = ::write(descriptor, bytes_.data() + at, size_ - at);
      if (written < 0 && errno != EINTR) return;
      at += written > 0 ? static_cast<std::size_t>(written) : 0;
    }
  }

 private:
  std::array<char, 4096> bytes_;
  std::size_t size_ = 0;
};

/// The file's name may be longer than the line: what follows it is what matters.
constexpr std::size_t kLongestName = 3072;

[[noreturn]] void leave(const CrashGuard& guard, int signal) {
  Line line;
  line.add("error: ");
  line.add(std::string_view(guard.file()).substr(0, kLongestName));
  if (signal == kTooLong) {
    line.add(": found damaged HDF5: reading it kept the HDF5 library busy without an end");
  } else {
    line.add(": found damaged HDF5: reading it crashed the HDF5 library (signal ");
    line.add(signal);
    line.add(", ");
    line.add(name_of(signal));
    line.add(")");
  }
  line.add(guard.kind() == GuardedFile::kStore
               ? "; expected a sound store; copy it again or make it again\n"
               : "; expected a sound model file; copy it again or go back to another checkpoint\n");
  line.write();
  _exit(static_cast<int>(guard.kind()));
}

/// Puts back what was there before and lets it have the signal: a fault comes again where it came from, anything else
/// is raised again.
void hand_on(int signal, const siginfo_t& facts) {
  sigaction(signal, &previous_actions[signal], nullptr);
  const bool fault = facts.si_code > 0 && signal != kTooLong;
  if (!fault) static_cast<void>(raise(signal));
}

void on_crash(int signal, siginfo_t* facts, void* /*context*/) {
  const int saved = errno;
  // A signal that someone sent (kill) says nothing of the library; abort() sends one to its own thread.
  const bool own = facts->si_code > 0 || (facts->si_code == SI_TKILL && facts->si_pid == getpid());
  if (own && innermost != nullptr) leave(*innermost, signal);
  hand_on(signal, *facts);
  errno = saved;
}

void on_too_long(int signal, siginfo_t* facts, void* /*context*/) {
  if (facts->si_code == SI_TIMER && facts->si_value.sival_ptr == &kTimerMark) {
    if (innermost != nullptr) leave(*innermost, signal);
    return;  // the guard ended meanwhile
  }
  const int saved = errno;
  hand_on(signal, *facts);
  errno = saved;
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, &previous_actions[signal]);
}

bool install_handlers() {
  for (const int signal : kCrashes) handle(signal, on_crash);
  handle(kTooLong, on_too_long);
  return true;
}

/// What a thread needs: another stack, since endless recursion leaves none, and a timer on its processor time.
class ThreadPreparation {
 public:
  ThreadPreparation() {
    stack_t found{};
    if (sigaltstack(nullptr, &found) == 0 && (found.ss_flags & SS_DISABLE) != 0) {  // else a sanitizer has brought one
      stack_ = std::make_unique<std::byte[]>(kStackBytes);
      stack_t own{};
      own.ss_sp = stack_.get();
      own.ss_size = kStackBytes;
      sigaltstack(&own, nullptr);
    }
    make_timer();
  }
  ~ThreadPreparation() {
    if (has_timer_ && owner_ == getpid()) timer_delete(timer_);
    if (!stack_) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  ThreadPreparation(const ThreadPreparation&) = delete;
  ThreadPreparation& operator=(const ThreadPreparation&) = delete;

  void set_timer(std::int64_t milliseconds) {
    if (owner_ != getpid()) make_timer();  // timers do not survive a fork
    if (!has_timer_) return;
    constexpr std::int64_t kThousand = 1000;
    itimerspec when{};
    when.it_value.tv_sec = milliseconds / kThousand;
    when.it_value.tv_nsec = milliseconds % kThousand * kThousand * kThousand;
    timer_settime(timer_, 0, &when, nullptr);
  }

 private:
  static constexpr std::size_t kStackBytes = std::size_t{64} << 10U;

  void make_timer() {
    owner_ = getpid();
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = kTooLong;
    event.sigev_value.sival_ptr = const_cast<char*>(&kTimerMark);
    event._sigev_un._tid = gettid();  // NOLINT(bugprone-reserved-identifier): glibc 2.36 has no other name for it
    has_timer_ = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) == 0;
  }

  std::unique_ptr<std::byte[]> stack_;
  timer_t timer_{};
  bool has_timer_ = false;
  pid_t owner_ = -1;
};

ThreadPreparation& this_thread() {
  static const bool installed = install_handlers();
  static_cast<void>(installed);
  thread_local ThreadPreparation preparation;
  return preparation;
}

}  // namespace

CrashGuard::CrashGuard(const std::filesystem::path& file, GuardedFile kind)
    : file_(file.c_str()), kind_(kind), outer_(innermost) {
  if (outer_ == nullptr) this_thread().set_timer(limit_ms.load());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  innermost = this;
}

CrashGuard::~CrashGuard() {
  innermost = outer_;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (outer_ == nullptr) this_thread().set_timer(0);
}

void report_crashes_to(int descriptor) {
  report_descriptor = descriptor;
}

void limit_guarded_time(std::chrono::milliseconds limit) {
  limit_ms = limit.count();
}

}  // namespace alignment::io
