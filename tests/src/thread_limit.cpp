#include "tests/src/thread_limit.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <limits>

namespace {

constexpr int kUnlimited = std::numeric_limits<int>::max();
std::atomic<int> left = kUnlimited;

}  // namespace

/// In the place of the C library's, which it calls.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                              void* argument) noexcept {
  if (left != kUnlimited && left-- <= 0) return EAGAIN;
  static const auto create = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return create(thread, attributes, start, argument);
}

namespace alignment {

ThreadLimit::ThreadLimit(int threads) {
  left = threads;
}

ThreadLimit::~ThreadLimit() {
  left = kUnlimited;
}

}  // namespace alignment
