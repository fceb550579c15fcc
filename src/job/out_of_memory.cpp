#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>

#include "src/job/exit_code.hpp"

namespace alignment {
namespace {

std::terminate_handler handler_before = nullptr;

[[noreturn]] void say_what_ran_out() {
  bool memory = false;
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    memory = true;
  } catch (...) {  // NOLINT(bugprone-empty-catch): the handler from before tells
  }
  if (!memory) {
    if (handler_before != nullptr) handler_before();
    std::abort();
  }
  // Nothing here may allocate.
  constexpr std::string_view kBegin = "error: ";
  for (const std::string_view part : {kBegin, kTooLittleMemory, memory_advice(), std::string_view("\n")}) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, part.data(), part.size());
  }
  std::_Exit(static_cast<int>(ExitCode::kOther));
}

// Sanitizers begin their work after this.
#if defined(__clang__)
#define DEJAVID_BEFORE_SANITIZERS __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define DEJAVID_BEFORE_SANITIZERS __attribute__((no_sanitize("address,thread,undefined")))
#endif

DEJAVID_BEFORE_SANITIZERS void set_handler() {
  handler_before = std::set_terminate(say_what_ran_out);
}

/// The loader calls it before it begins any library.
__attribute__((section(".preinit_array"), used)) void (*const kSetHandlerEarly)() = set_handler;

}  // namespace

void advise_on_memory(std::string_view advice) {
  set_memory_advice(advice);
}

}  // namespace alignment
