#include "fibre.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

// swapcontext() asks the kernel for the signal mask twice a change-over; on x86-64 a dozen instructions do.
#if defined(__x86_64__)
extern "C" void dejavid_switch_stack(void** save, void* next);
asm(R"(
.text
.globl dejavid_switch_stack
.type dejavid_switch_stack, @function
dejavid_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  retq
.size dejavid_switch_stack, .-dejavid_switch_stack
)");
#endif

namespace alignment::cuda_shim {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;  // touched as needed

std::size_t page_bytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// A stack above a page that must not be touched.
std::byte* new_stack() {
  void* const base = mmap(nullptr, kStackBytes + page_bytes(), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED || mprotect(base, page_bytes(), PROT_NONE) != 0) {
    std::perror("emulated GPU: the stack of a thread");
    std::abort();
  }
  return static_cast<std::byte*>(base) + page_bytes();
}

}  // namespace

struct Fibre::Context {
  std::byte* stack = new_stack();
  Function function = nullptr;
  void* argument = nullptr;
  static inline thread_local Context* entering = nullptr;

#if defined(__x86_64__)
  void* own = nullptr;      ///< stack pointer while suspended
  void* resumer = nullptr;  ///< stack pointer of the one who resumed
#else
  ucontext_t own = {}, resumer = {};
#endif
#if defined(__SANITIZE_ADDRESS__)
  const void* resumer_stack = nullptr;
  std::size_t resumer_bytes = 0;
  void* own_fake = nullptr;
  void* resumer_fake = nullptr;
#endif
#if defined(__SANITIZE_THREAD__)
  void* own_history = __tsan_create_fiber(0);
  void* resumer_history = nullptr;
#endif
};

Fibre::~Fibre() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(context_->own_history);
#endif
  munmap(context_->stack - page_bytes(), kStackBytes + page_bytes());
}

void Fibre::enter() {
  Context* const context = Context::entering;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &context->resumer_stack, &context->resumer_bytes);
#endif
  context->function(context->argument);
  std::abort();
}

Fibre::Fibre(Function function, void* argument) : context_(std::make_unique<Context>()) {
  context_->function = function;
  context_->argument = argument;
#if defined(__x86_64__)
  // Six registers, where to return to, and a word that keeps the stack aligned as after a call.
  auto* const top = reinterpret_cast<std::uintptr_t*>(context_->stack + kStackBytes);
  for (int word = 1; word <= 8; ++word) top[-word] = 0;
  top[-2] = reinterpret_cast<std::uintptr_t>(&Fibre::enter);
  context_->own = top - 8;
#else
  getcontext(&context_->own);
  context_->own.uc_stack.ss_sp = context_->stack;
  context_->own.uc_stack.ss_size = kStackBytes;
  context_->own.uc_link = nullptr;
  makecontext(&context_->own, &Fibre::enter, 0);
#endif
}

void Fibre::resume() {
  Context& context = *context_;
  Context::entering = &context;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&context.resumer_fake, context.stack, kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
  context.resumer_history = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(context.own_history, 0);
#endif
#if defined(__x86_64__)
  dejavid_switch_stack(&context.resumer, context.own);
#else
  swapcontext(&context.resumer, &context.own);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(context.resumer_fake, nullptr, nullptr);
#endif
}

void Fibre::suspend() {
  Context& context = *context_;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&context.own_fake, context.resumer_stack, context.resumer_bytes);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(context.resumer_history, 0);
#endif
#if defined(__x86_64__)
  dejavid_switch_stack(&context.own, context.resumer);
#else
  swapcontext(&context.own, &context.resumer);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(context.own_fake, &context.resumer_stack, &context.resumer_bytes);
#endif
}

}  // namespace alignment::cuda_shim
