#include "dist/work_queue.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <string>
#include <vector>

#include "dist/errors.hpp"
#include "dist/mpi/call.hpp"
#include "dist/mpi/handles.hpp"
#include "dist/self/work_queue.hpp"
#include "dist/watch/peers.hpp"
#include "dist/watch/polling_wait.hpp"
#include "dist/watch/running_time.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist {
namespace {

using detail::Seconds;

constexpr int kQueueTag = 2;
/// How often a rank says that it is there, as a part of the timeout, and the longest of these times.
constexpr double kBeatsOfTimeout = 8;
constexpr Seconds kLongestBeat{2};

/// What ranks tell rank 0, and rank 0 tells them.
enum class Word : std::int64_t {
  kBeat,    ///< I am there
  kAsk,     ///< an item, please
  kClose,   ///< no more items, for anybody
  kLeave,   ///< this rank is done
  kItem,    ///< to a rank: `item` is its own
  kClosed,  ///< to a rank: no more items
  kGone     ///< to a rank: all ranks are done
};

struct Message {
  std::int64_t word = 0;
  std::int64_t item = 0;
  WorkCounts done{};  ///< all of a rank's work so far
};
constexpr int kMessageNumbers = static_cast<int>(sizeof(Message) / sizeof(std::int64_t));

/// All words go to rank 0 or come from it. Each is one small message that nobody waits for.
class MpiWorkQueue final : public WorkQueue {
 public:
  MpiWorkQueue(Communicator& communicator, std::int64_t limit, Seconds timeout)
      : topology_(communicator.topology()), limit_(limit), timeout_(timeout), peers_(topology_) {
    // A communicator of its own: no collective meets these messages.
    const Deadline deadline(Awaited::kRanks, "MPI_Comm_dup", timeout_);
    MPI_CHECK(MPI_Comm_dup(MPI_COMM_WORLD, &comm_));
    MPI_CHECK(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
    const auto world = static_cast<std::size_t>(topology_.world_size.value);
    heard_.resize(world);
    done_.resize(world);
    left_.resize(world);
    peers_.start();
  }
  ~MpiWorkQueue() override {
    // Freeing is collective: left out where a rank is not known to come to it.
    if (!all_left() || detail::peers_unreachable()) return;
    const Deadline deadline(Awaited::kRanks, "MPI_Comm_free", timeout_);
    // NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker): send() began it
    for (Sent& sent : sent_) MPI_Wait(&sent.request, MPI_STATUS_IGNORE);
    MPI_Comm_free(&comm_);
  }

  void ask() override {
    if (is_closed()) return;
    ++asked_;
    if (is_root()) {
      serve(0);
    } else {
      send(0, Word::kAsk);
    }
  }

  [[nodiscard]] std::optional<std::int64_t> take() override {
    if (items_.empty()) return std::nullopt;
    const std::int64_t item = items_.front();
    items_.pop_front();
    return item;
  }

  [[nodiscard]] std::int64_t asked() const override { return asked_ + std::ssize(items_); }

  void close() override {
    if (closed_ || left_[own()]) return;
    if (is_root()) {
      close_all();
    } else if (!close_sent_) {
      close_sent_ = true;
      send(0, Word::kClose);
    }
  }

  [[nodiscard]] bool is_closed() const override { return closed_ && items_.empty(); }

  void report(const WorkCounts& done) override {
    for (std::size_t kind = 0; kind < done.size(); ++kind) own_done()[kind] += done[kind];
  }

  [[nodiscard]] WorkCounts done() const override {
    if (!is_root()) return own_done();
    WorkCounts sum{};
    for (const WorkCounts& of_rank : done_) {
      for (std::size_t kind = 0; kind < sum.size(); ++kind) sum[kind] += of_rank[kind];
    }
    return sum;
  }

  void leave() override {
    if (left_[own()]) return;
    left_[own()] = true;
    if (is_root()) {
      see_off();
    } else {
      send(0, Word::kLeave);
    }
  }

  [[nodiscard]] bool all_left() const override { return gone_; }

  void poll() override {
    if (failure_) std::rethrow_exception(failure_);
    try {
      exchange();
    } catch (const TimeoutError& error) {
      fail(detail::kTimeoutCode, error.what());
      throw;
    } catch (const RankLostError& error) {
      fail(detail::kRankLostCode, error.what());
      throw;
    }
  }

 private:
  [[nodiscard]] bool is_root() const { return topology_.rank.value == 0; }
  [[nodiscard]] std::size_t own() const { return static_cast<std::size_t>(topology_.rank.value); }
  [[nodiscard]] WorkCounts& own_done() { return done_[own()]; }
  [[nodiscard]] const WorkCounts& own_done() const { return done_[own()]; }

  void exchange() {
    const Seconds now = time_.look();
    receive(now);
    beat(now);
    forget_what_was_sent();
    if (gone_) return;
    look_for_late_ranks(now);
    if (const std::optional<std::string> lost = peers_.lost()) {
      throw RankLostError(
          fmt::format("{}: found {} while work was shared out; expected every rank to be there until the end; see what "
                      "it reported and whether the host ran out of memory, then start again",
                      detail::who(), *lost));
    }
  }

  void receive(Seconds now) {
    while (true) {
      int there = 0;
      MPI_Status status{};
      MPI_CHECK(MPI_Iprobe(MPI_ANY_SOURCE, kQueueTag, comm_, &there, &status));
      if (there == 0) return;
      Message message;
      MPI_CHECK(
          MPI_Recv(&message, kMessageNumbers, MPI_INT64_T, status.MPI_SOURCE, kQueueTag, comm_, MPI_STATUS_IGNORE));
      heard_[static_cast<std::size_t>(status.MPI_SOURCE)] = now;
      understand(message, status.MPI_SOURCE);
    }
  }

  void understand(const Message& message, int source) {
    const auto from = static_cast<std::size_t>(source);
    if (is_root()) done_[from] = message.done;
    switch (static_cast<Word>(message.word)) {
      case Word::kBeat:
        break;
      case Word::kAsk:
        serve(source);
        break;
      case Word::kClose:
        close_all();
        break;
      case Word::kLeave:
        left_[from] = true;
        see_off();
        break;
      case Word::kItem:
        --asked_;
        items_.push_back(message.item);
        break;
      case Word::kClosed:
        asked_ = 0;  // messages of one rank to another keep their order: what was granted before has come
        closed_ = true;
        break;
      case Word::kGone:
        gone_ = true;
        break;
    }
  }

  /// Rank 0: the next item for a rank that has asked.
  void serve(int rank) {
    if (!closed_ && next_ == limit_) close_all();
    if (closed_) return;  // every rank has been told
    const std::int64_t item = next_++;
    if (rank == 0) {
      --asked_;
      items_.push_back(item);
    } else {
      send(rank, Word::kItem, item);
    }
  }

  /// Rank 0.
  void close_all() {
    if (closed_) return;
    closed_ = true;
    asked_ = 0;
    for (int rank = 1; rank < topology_.world_size.value; ++rank) send(rank, Word::kClosed);
  }

  /// Rank 0: once everyone has left, all may go.
  void see_off() {
    if (!std::all_of(left_.begin(), left_.end(), [](bool left) { return left; })) return;
    for (int rank = 1; rank < topology_.world_size.value; ++rank) send(rank, Word::kGone);
    gone_ = true;
  }

  /// A rank that has left is silent, so that no word of it is on its way when all go.
  void beat(Seconds now) {
    if (gone_ || (left_[own()] && !is_root())) return;
    if (now - beaten_ < std::min(timeout_ / kBeatsOfTimeout, kLongestBeat)) return;
    beaten_ = now;
    if (!is_root()) return send(0, Word::kBeat);
    for (int rank = 1; rank < topology_.world_size.value; ++rank) send(rank, Word::kBeat);
  }

  void look_for_late_ranks(Seconds now) const {
    const std::size_t last = is_root() ? heard_.size() : 1;
    for (std::size_t rank = is_root() ? 1 : 0; rank < last; ++rank) {
      if (now - heard_[rank] < timeout_ || (is_root() && left_[rank])) continue;
      throw TimeoutError(
          fmt::format("{}: found no word of rank {} for {:.1f} s while work was shared out; expected one within {} s; "
                      "look for a stopped, lost or overloaded rank, or raise dist.timeout_s{}",
                      detail::who(), rank, (now - heard_[rank]).count(), timeout_.count(), peers_.remarks()));
    }
  }

  void send(int rank, Word word, std::int64_t item = 0) {
    Sent& sent = sent_.emplace_back();
    sent.message = {static_cast<std::int64_t>(word), item, own_done()};
    // NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker): forget_what_was_sent() or the destructor ends it
    MPI_CHECK(MPI_Isend(&sent.message, kMessageNumbers, MPI_INT64_T, rank, kQueueTag, comm_, &sent.request));
  }

  void forget_what_was_sent() {
    while (!sent_.empty()) {
      int done = 0;
      MPI_CHECK(MPI_Test(&sent_.front().request, &done, MPI_STATUS_IGNORE));
      if (done == 0) return;
      sent_.pop_front();
    }
  }

  void fail(int code, const char* line) {
    failure_ = std::current_exception();
    detail::leave_soon(detail::kTimeToLeave, code, line);
  }

  struct Sent {
    Message message;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  Topology topology_;
  std::int64_t limit_;
  Seconds timeout_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  detail::Peers peers_;
  detail::RunningTime time_;
  Seconds beaten_{0};
  std::vector<Seconds> heard_;    ///< when something came from each rank
  std::vector<WorkCounts> done_;  ///< on rank 0 of all ranks, elsewhere the own one
  std::vector<bool> left_;
  std::deque<Sent> sent_;  ///< on their way; a deque, since they must not move
  std::deque<std::int64_t> items_;
  std::int64_t next_ = 0, asked_ = 0;
  bool closed_ = false, close_sent_ = false, gone_ = false;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<WorkQueue> make_work_queue(Communicator& communicator, std::int64_t limit,
                                           std::chrono::duration<double> timeout) {
  if (communicator.size().value == 1) return std::make_unique<detail::SelfWorkQueue>(limit);
  return std::make_unique<MpiWorkQueue>(communicator, limit, timeout);
}

}  // namespace alignment::dist
