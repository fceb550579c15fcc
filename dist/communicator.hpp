#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dist/topology.hpp"

namespace alignment::dist {

enum class Reduction : std::uint8_t { kSum, kMin, kMax };

/// The element types a collective carries. Anything else does not compile.
template <typename T>
concept Element = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int32_t> ||
    std::same_as<T, std::int64_t> || std::same_as<T, std::uint64_t> || std::same_as<T, std::uint8_t>;

enum class ElementType : std::uint8_t { kFloat32, kFloat64, kInt32, kInt64, kUint64, kUint8 };

template <Element T>
constexpr ElementType element_type() {
  if constexpr (std::same_as<T, float>) return ElementType::kFloat32;
  if constexpr (std::same_as<T, double>) return ElementType::kFloat64;
  if constexpr (std::same_as<T, std::int32_t>) return ElementType::kInt32;
  if constexpr (std::same_as<T, std::int64_t>) return ElementType::kInt64;
  if constexpr (std::same_as<T, std::uint64_t>) return ElementType::kUint64;
  if constexpr (std::same_as<T, std::uint8_t>) return ElementType::kUint8;
}

/// Ranks that speak to each other about data in host memory.
///
/// Every call is collective: all ranks make the same calls in the same order with equal counts (gather() excepted,
/// whose counts may differ). Calls return when the result is there. A call that outlasts the deadline throws
/// TimeoutError, a lost peer RankLostError; after either, every later call throws the same again. Only the thread that
/// made it may call.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] virtual const Topology& topology() const = 0;
  [[nodiscard]] Rank rank() const { return topology().rank; }
  [[nodiscard]] WorldSize size() const { return topology().world_size; }
  [[nodiscard]] bool is_root() const { return rank().value == 0; }
  [[nodiscard]] virtual const char* backend_name() const = 0;

  /// Combines `values` element by element over all ranks, in place. Every rank ends with the same bits: floating-point
  /// values are combined in rank order, whatever the timing, so the result depends on the number of ranks only. A NaN
  /// on any rank gives NaN.
  template <Element T>
  void all_reduce(std::span<T> values, Reduction reduction) {
    do_all_reduce(values.data(), values.size(), element_type<T>(), reduction);
  }
  /// Copies the root's `values` into everyone's.
  template <Element T>
  void broadcast(std::span<T> values, Rank root) {
    do_broadcast(values.data(), values.size(), element_type<T>(), root);
  }
  /// On rank 0: every rank's values in rank order. Elsewhere: empty. Counts may differ between ranks.
  template <Element T>
  std::vector<T> gather(std::span<const T> values) {
    const std::vector<std::int64_t> counts = gather_counts(static_cast<std::int64_t>(values.size()));
    std::int64_t total = 0;
    for (const std::int64_t count : counts) total += count;
    std::vector<T> gathered(static_cast<std::size_t>(total));
    do_gather(values.data(), values.size(), gathered.data(), counts, element_type<T>());
    return gathered;
  }
  /// Returns once every rank has called it.
  virtual void barrier() = 0;

 private:
  virtual void do_all_reduce(void* values, std::size_t count, ElementType type, Reduction reduction) = 0;
  virtual void do_broadcast(void* values, std::size_t count, ElementType type, Rank root) = 0;
  /// On rank 0: every rank's count; elsewhere empty.
  virtual std::vector<std::int64_t> gather_counts(std::int64_t count) = 0;
  virtual void do_gather(const void* values, std::size_t count, void* gathered, const std::vector<std::int64_t>& counts,
                         ElementType type) = 0;
};

/// One process on its own: every collective is already done.
[[nodiscard]] std::unique_ptr<Communicator> make_self_communicator();

/// The most elements that one MPI call carries; longer spans take several. It bounds the scratch memory of an
/// all-reduce (128 MiB of doubles) and keeps counts far below the 2^31 that MPI can express.
inline constexpr std::size_t kElementsPerMpiCall = std::size_t{1} << 24;

/// All ranks of MPI_COMM_WORLD, in host memory; collective. MpiSession must be alive for as long as it is. `timeout`
/// (above zero) is how long any one call may take. `elements_per_call` (1 .. 2^31 - 1) is for tests.
[[nodiscard]] std::unique_ptr<Communicator> make_mpi_communicator(std::chrono::duration<double> timeout,
                                                                  std::size_t elements_per_call = kElementsPerMpiCall);

}  // namespace alignment::dist
