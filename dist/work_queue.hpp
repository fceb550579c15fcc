#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "dist/communicator.hpp"

namespace alignment::dist {

/// What ranks have done so far, by kinds that the caller numbers.
using WorkCounts = std::array<std::int64_t, 4>;

/// Hands out the numbers 0, 1, 2, ... below a limit, in order and each to one rank only, to ranks that ask for the
/// next. An item may take any time: ranks need not call anything at the same time as others, but every one has to
/// poll() a few times a second, from the thread that made the queue, until all_left().
///
/// A rank from which nothing is heard for the communicator's timeout, though it may compute, is late: TimeoutError. One
/// whose process has gone is lost: RankLostError. After either, every later call throws the same again. While a queue
/// lives, its ranks make no collective calls.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;
  WorkQueue() = default;
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// Asks for one item more. It comes, or is_closed() does.
  virtual void ask() = 0;
  /// An item that was asked for, as soon as it is there.
  [[nodiscard]] virtual std::optional<std::int64_t> take() = 0;
  /// Asked for, and neither taken nor refused yet.
  [[nodiscard]] virtual std::int64_t asked() const = 0;

  /// From now on no rank gets an item that it does not have yet. Any rank may say so, more than once.
  virtual void close() = 0;
  /// Whether this rank will get no more: all are handed out, or a rank has closed the queue.
  [[nodiscard]] virtual bool is_closed() const = 0;

  /// This rank's work since it said so last. Rank 0 hears of it in time.
  virtual void report(const WorkCounts& done) = 0;
  /// On rank 0: the sum over all ranks, as far as it knows. Elsewhere: this rank's.
  [[nodiscard]] virtual WorkCounts done() const = 0;

  /// Sends and receives what there is; never waits for another rank.
  virtual void poll() = 0;
  /// This rank has done all that it took, or given it up.
  virtual void leave() = 0;
  /// Whether all ranks have left: what they have reported is known to rank 0, and collectives may follow.
  [[nodiscard]] virtual bool all_left() const = 0;
};

/// Collective. `limit` items, the same on every rank; `timeout` (above zero) is how long a rank may be silent.
[[nodiscard]] std::unique_ptr<WorkQueue> make_work_queue(Communicator& communicator, std::int64_t limit,
                                                         std::chrono::duration<double> timeout);

}  // namespace alignment::dist
