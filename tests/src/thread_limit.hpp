#pragma once

namespace alignment {

/// While one lives, so many threads can begin, and every further one fails as where the system has no room for it.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;
};

}  // namespace alignment
