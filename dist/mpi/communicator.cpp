#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#include "dist/backend_support.hpp"
#include "dist/communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi/call.hpp"
#include "dist/mpi/handles.hpp"
#include "dist/mpi/topology.hpp"
#include "dist/rank_order.hpp"
#include "dist/watch/peers.hpp"
#include "dist/watch/polling_wait.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist {
namespace {

using detail::PollingWait;
using detail::Requests;

constexpr int kGatherTag = 1;
/// All-reduces of floating-point values up to this many bytes exchange whole spans, one round; larger ones own
/// segments, two rounds.
constexpr std::size_t kOneRoundBytes = 4096;

/// From this many bytes on, ranks meet before the data moves.
constexpr std::size_t kMeetBytes = 65536;

MPI_Datatype mpi_type(ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return MPI_FLOAT;
    case ElementType::kFloat64:
      return MPI_DOUBLE;
    case ElementType::kInt32:
      return MPI_INT32_T;
    case ElementType::kInt64:
      return MPI_INT64_T;
    case ElementType::kUint64:
      return MPI_UINT64_T;
    case ElementType::kUint8:
      return MPI_UINT8_T;
  }
  throw std::invalid_argument("element type: found an unknown one");
}

MPI_Op mpi_op(Reduction reduction) {
  switch (reduction) {
    case Reduction::kSum:
      return MPI_SUM;
    case Reduction::kMin:
      return MPI_MIN;
    case Reduction::kMax:
      return MPI_MAX;
  }
  throw std::invalid_argument("reduction: found an unknown one");
}

/// One collective call of ours, for its deadline and its message; it may take several MPI calls.
struct Operation {
  const char* name;
  std::size_t count;
  const char* element;
  PollingWait polling;
  std::chrono::milliseconds yield_for = PollingWait::kYieldForPeers;

  [[nodiscard]] std::string text() const {
    return count == 0 ? name : fmt::format("{} ({} {} values)", name, count, element);
  }
};

/// MPI itself waits for a stopped or late peer for ever. So its calls are non-blocking ones, polled against the
/// deadline; the process ends where one that blocks outlasts it.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(std::chrono::duration<double> timeout, std::size_t elements_per_call)
      : timeout_(timeout), elements_per_call_(elements_per_call) {
    // A communicator of our own, so that no other user of MPI in this process can meet our messages.
    run("communicator setup", 0, ElementType::kUint8, [&](Operation& operation) {
      MPI_Comm own = MPI_COMM_NULL;
      Requests requests;
      MPI_CHECK(MPI_Comm_idup(MPI_COMM_WORLD, &own, requests.next()));
      wait(requests, operation);
      comm_ = detail::OwnedComm(own);
      const Deadline deadline(Awaited::kRanks, "MPI_Comm_split_type", timeout_);
      topology_ = detail::mpi_topology(comm_.get());
    });
    run("exchange of process ids", world(), ElementType::kUint64,
        [this](Operation& operation) { find_neighbours(operation); });
  }
  ~MpiCommunicator() override {
    const Deadline deadline(Awaited::kRanks, "MPI_Comm_free", timeout_);
    comm_ = detail::OwnedComm();
  }

  [[nodiscard]] const Topology& topology() const override { return topology_; }
  [[nodiscard]] const char* backend_name() const override { return "mpi"; }

  void barrier() override {
    run("barrier", 0, ElementType::kUint8, [&](Operation& operation) { meet_all(operation); });
  }

 private:
  void find_neighbours(Operation& operation) {
    const detail::ProcessIdentity own = detail::own_identity();
    std::vector<detail::ProcessIdentity> identities(world());
    const int numbers = static_cast<int>(own.size());
    Requests requests;
    MPI_CHECK(MPI_Iallgather(own.data(), numbers, MPI_UINT64_T, identities.data(), numbers, MPI_UINT64_T, comm_.get(),
                             requests.next()));
    wait(requests, operation);
    topology_.neighbours = detail::visible_neighbours(identities, rank());
    peers_ = detail::Peers(topology_);
  }

  void do_all_reduce(void* values, std::size_t count, ElementType type, Reduction reduction) override {
    run("all_reduce", count, type, [&](Operation& operation) {
      meet(count * detail::element_size(type), operation);
      for_each_part(values, count, type, [&](void* part, std::size_t part_count) {
        if (type == ElementType::kFloat32) {
          all_reduce_in_rank_order(std::span(static_cast<float*>(part), part_count), reduction, operation);
        } else if (type == ElementType::kFloat64) {
          all_reduce_in_rank_order(std::span(static_cast<double*>(part), part_count), reduction, operation);
        } else {
          Requests requests;
          MPI_CHECK(MPI_Iallreduce(MPI_IN_PLACE, part, static_cast<int>(part_count), mpi_type(type), mpi_op(reduction),
                                   comm_.get(), requests.next()));
          wait(requests, operation);
        }
      });
    });
  }

  void do_broadcast(void* values, std::size_t count, ElementType type, Rank root) override {
    detail::require_rank(root, topology_);
    run("broadcast", count, type, [&](Operation& operation) {
      meet(count * detail::element_size(type), operation);
      for_each_part(values, count, type, [&](void* part, std::size_t part_count) {
        Requests requests;
        MPI_CHECK(
            MPI_Ibcast(part, static_cast<int>(part_count), mpi_type(type), root.value, comm_.get(), requests.next()));
        wait(requests, operation);
      });
    });
  }

  std::vector<std::int64_t> gather_counts(std::int64_t count) override {
    std::vector<std::int64_t> counts(is_root() ? world() : 0);
    run("gather (counts)", 1, ElementType::kInt64, [&](Operation& operation) {
      Requests requests;
      MPI_CHECK(MPI_Igather(&count, 1, MPI_INT64_T, counts.data(), 1, MPI_INT64_T, 0, comm_.get(), requests.next()));
      wait(requests, operation);
    });
    return counts;
  }

  /// Messages rather than MPI_Igatherv, whose displacements into the result are ints.
  void do_gather(const void* values, std::size_t count, void* gathered, const std::vector<std::int64_t>& counts,
                 ElementType type) override {
    run("gather", count, type, [&](Operation& operation) {
      operation.yield_for = PollingWait::kYieldForData;  // rank 0 has everyone's count, so all are there
      Requests requests;
      std::byte* position = static_cast<std::byte*>(gathered);
      for (std::size_t peer = 0; peer < counts.size(); ++peer) {
        const std::size_t peer_count = static_cast<std::size_t>(counts[peer]);
        for_each_part(position, peer_count, type, [&](void* part, std::size_t part_count) {
          MPI_CHECK(MPI_Irecv(part, static_cast<int>(part_count), mpi_type(type), static_cast<int>(peer), kGatherTag,
                              comm_.get(), requests.next()));
        });
        position += peer_count * detail::element_size(type);
      }
      for_each_part(const_cast<void*>(values), count, type, [&](const void* part, std::size_t part_count) {
        MPI_CHECK(
            MPI_Isend(part, static_cast<int>(part_count), mpi_type(type), 0, kGatherTag, comm_.get(), requests.next()));
      });
      wait(requests, operation);
    });
  }

  /// MPI may add floating-point values in any order, and an implementation may let the order depend on the rank or the
  /// size. Here each value is combined once, on one rank, in rank order, and then copied to the others.
  template <typename T>
  void all_reduce_in_rank_order(std::span<T> values, Reduction reduction, Operation& operation) {
    if (world() == 1) return;
    if (values.size_bytes() <= kOneRoundBytes) {
      all_reduce_in_one_round(values, reduction, operation);
    } else {
      all_reduce_by_segments(values, reduction, operation);
    }
  }

  /// Everyone gets everything and combines it itself.
  template <typename T>
  void all_reduce_in_one_round(std::span<T> values, Reduction reduction, Operation& operation) {
    const std::span<T> parts = scratch<T>(world() * values.size());
    const int count = static_cast<int>(values.size());
    Requests requests;
    MPI_CHECK(MPI_Iallgather(values.data(), count, mpi_type(element_type<T>()), parts.data(), count,
                             mpi_type(element_type<T>()), comm_.get(), requests.next()));
    wait(requests, operation);
    detail::combine_in_rank_order(values, std::span<const T>(parts), reduction);
  }

  /// Rank r owns the r-th segment: it gets everyone's values of it, combines them and gives the result to all. Every
  /// rank sends and receives 2 (world - 1) / world of the values, the least there is.
  template <typename T>
  void all_reduce_by_segments(std::span<T> values, Reduction reduction, Operation& operation) {
    const std::size_t mine = static_cast<std::size_t>(rank().value);
    std::vector<int> starts(world() + 1);
    std::vector<int> counts(world());
    for (std::size_t r = 0; r <= world(); ++r) starts[r] = static_cast<int>(values.size() * r / world());
    for (std::size_t r = 0; r < world(); ++r) counts[r] = starts[r + 1] - starts[r];

    const std::vector<int> my_counts(world(), counts[mine]);
    std::vector<int> my_starts(world());
    for (std::size_t r = 1; r < world(); ++r) my_starts[r] = my_starts[r - 1] + counts[mine];
    const std::span<T> parts = scratch<T>(world() * static_cast<std::size_t>(counts[mine]));
    const MPI_Datatype type = mpi_type(element_type<T>());

    Requests exchange;
    MPI_CHECK(MPI_Ialltoallv(values.data(), counts.data(), starts.data(), type, parts.data(), my_counts.data(),
                             my_starts.data(), type, comm_.get(), exchange.next()));
    wait(exchange, operation);

    const std::span<T> my_segment =
        values.subspan(static_cast<std::size_t>(starts[mine]), static_cast<std::size_t>(counts[mine]));
    detail::combine_in_rank_order(my_segment, std::span<const T>(parts), reduction);

    Requests share;
    MPI_CHECK(MPI_Iallgatherv(MPI_IN_PLACE, 0, type, values.data(), counts.data(), starts.data(), type, comm_.get(),
                              share.next()));
    wait(share, operation);
  }

  /// Runs one collective under its deadline. What fails once is thrown again by every later call: peers are out of step
  /// by then.
  template <typename Body>
  void run(const char* name, std::size_t count, ElementType type, Body&& body) {
    if (failure_) std::rethrow_exception(failure_);
    Operation operation{name, count, detail::element_name(type), PollingWait(timeout_)};
    try {
      body(operation);
    } catch (const TimeoutError& error) {
      fail(detail::kTimeoutCode, error.what());
      throw;
    } catch (const RankLostError& error) {
      fail(detail::kRankLostCode, error.what());
      throw;
    } catch (...) {
      failure_ = std::current_exception();
      detail::mark_peers_unreachable();
      throw;
    }
  }

  void fail(int code, const char* line) {
    failure_ = std::current_exception();
    detail::leave_soon(detail::kTimeToLeave, code, line);
  }

  void meet_all(Operation& operation) {
    Requests requests;
    MPI_CHECK(MPI_Ibarrier(comm_.get(), requests.next()));
    wait(requests, operation);
  }

  /// Before much data: wait for late ranks at leisure, then let the data move with everyone awake.
  void meet(std::size_t bytes, Operation& operation) {
    if (bytes < kMeetBytes) return;
    meet_all(operation);
    operation.yield_for = PollingWait::kYieldForData;
  }

  void wait(Requests& requests, Operation& operation) {
    operation.polling.start(operation.yield_for);
    peers_.start();
    while (!requests.done()) {
      if (const std::optional<std::string> lost = peers_.lost()) {
        throw RankLostError(fmt::format(
            "{}: found {} during {} after {:.1f} s; expected every rank to be there until the end; see what "
            "it reported and whether the host ran out of memory, then start again with --run.resume auto",
            detail::who(), *lost, operation.text(), operation.polling.waited().count()));
      }
      if (operation.polling.rest()) continue;
      throw TimeoutError(fmt::format(
          "{}: found no end of {} after {:.1f} s; expected every rank within {} s; "
          "look for a stopped, lost or overloaded rank, or raise dist.timeout_s{}",
          detail::who(), operation.text(), operation.polling.waited().count(), timeout_.count(), peers_.remarks()));
    }
  }

  /// Cuts `values` into parts that one MPI call carries.
  template <typename Body>
  void for_each_part(void* values, std::size_t count, ElementType type, Body&& body) const {
    for (std::size_t start = 0; start < count; start += elements_per_call_) {
      body(static_cast<std::byte*>(values) + start * detail::element_size(type),
           std::min(elements_per_call_, count - start));
    }
  }

  template <typename T>
  std::span<T> scratch(std::size_t count) {
    if (scratch_.size() < count * sizeof(T)) scratch_.resize(count * sizeof(T));
    return {reinterpret_cast<T*>(scratch_.data()), count};
  }

  [[nodiscard]] std::size_t world() const { return static_cast<std::size_t>(topology_.world_size.value); }

  std::chrono::duration<double> timeout_;
  std::size_t elements_per_call_;
  detail::OwnedComm comm_;
  Topology topology_;
  detail::Peers peers_;
  std::exception_ptr failure_;
  std::vector<std::byte> scratch_;
};

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(std::chrono::duration<double> timeout,
                                                    std::size_t elements_per_call) {
  if (!(timeout.count() > 0)) {
    throw std::invalid_argument(
        fmt::format("dist.timeout_s: found {}; expected above 0; name the seconds to wait", timeout.count()));
  }
  if (elements_per_call < 1 || elements_per_call > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw std::invalid_argument(fmt::format("elements per MPI call: found {}; expected 1 .. {}; choose one in between",
                                            elements_per_call, std::numeric_limits<int>::max()));
  }
  return std::make_unique<MpiCommunicator>(timeout, elements_per_call);
}

}  // namespace alignment::dist
