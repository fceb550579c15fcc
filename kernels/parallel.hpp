#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

/// Loops shared by the threads of this process.
///
/// A loop's caller takes parts of it like everyone else and never waits for a thread that has not come: on a machine
/// that is busy with other work it does the loop alone. Whoever waits spins for some ten microseconds and then sleeps.
/// Where sharing loops has not paid of late, they are done alone for a while.
namespace alignment::kernels::cpu {

namespace detail {
/// Parts [0, parts) of a loop; `call` does one of them for `loop`, as thread 0 <= thread < threads.
struct SharedLoop {
  void (*call)(const void* loop, std::int64_t part, int thread) = nullptr;
  const void* loop = nullptr;
  std::int64_t parts = 0;
};

/// Does every part of the loop, and rethrows what the first part to fail threw; the others may then be left out.
void run(const SharedLoop& loop, int threads);
}  // namespace detail

/// Calls work(index, thread) once for every index of [0, count), on up to `threads` threads, and returns when all calls
/// have. `thread` tells apart, from 0 to threads - 1, those that run side by side. Threads take `chunk` consecutive
/// indices at a time. A loop within a loop, and one beside another caller's, is done by its caller alone. Throws what a
/// call threw, of which the first counts; the rest of the indices may then be left out.
template <typename Work>
void parallel_for(int threads, std::int64_t count, std::int64_t chunk, const Work& work) {
  const auto call = [&](std::int64_t part, int thread) {
    const std::int64_t end = std::min((part + 1) * chunk, count);
    for (std::int64_t index = part * chunk; index < end; ++index) work(index, thread);
  };
  using Call = decltype(call);
  detail::run({[](const void* loop, std::int64_t part, int thread) { (*static_cast<const Call*>(loop))(part, thread); },
               std::addressof(call), (count + chunk - 1) / chunk},
              threads);
}

/// A chunk for indices that all cost the same: enough of them for threads to end together.
[[nodiscard]] constexpr std::int64_t even_chunk(std::int64_t count, int threads) {
  constexpr std::int64_t kChunksPerThread = 8;
  return std::max(count / (kChunksPerThread * threads), std::int64_t{1});
}

}  // namespace alignment::kernels::cpu
