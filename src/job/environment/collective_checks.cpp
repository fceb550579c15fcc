#include "src/job/environment/collective_checks.hpp"

#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>

#include "dist/agreement.hpp"

namespace alignment {
namespace {

/// More than one packet on any network; every sum is exact in every element type but the byte.
constexpr std::size_t kCount = 10'007;

/// What `rank` holds at `index`: 0, 1 or 2; sums that outgrow a byte wrap round alike on both sides.
template <typename T>
T known_value(int rank, std::size_t index) {
  return static_cast<T>((static_cast<std::size_t>(rank) + index) % 3);
}

template <typename T>
std::vector<T> known_values(int rank, std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t index = 0; index < count; ++index) values[index] = known_value<T>(rank, index);
  return values;
}

template <typename T>
bool reduces(dist::Communicator& communicator, dist::Reduction reduction) {
  std::vector<T> values = known_values<T>(communicator.rank().value, kCount);
  communicator.all_reduce(std::span<T>(values), reduction);
  bool equal = true;
  for (std::size_t index = 0; index < kCount; ++index) {
    T expected = known_value<T>(0, index);
    for (int rank = 1; rank < communicator.size().value; ++rank) {
      const T other = known_value<T>(rank, index);
      if (reduction == dist::Reduction::kSum) expected = static_cast<T>(expected + other);
      if (reduction == dist::Reduction::kMin) expected = std::min(expected, other);
      if (reduction == dist::Reduction::kMax) expected = std::max(expected, other);
    }
    equal = equal && values[index] == expected;
  }
  return equal;
}

template <typename T>
bool broadcasts(dist::Communicator& communicator) {
  bool equal = true;
  for (const int root : {0, communicator.size().value - 1}) {
    const bool sends = communicator.rank().value == root;
    std::vector<T> values = sends ? known_values<T>(root, kCount) : std::vector<T>(kCount);
    communicator.broadcast(std::span<T>(values), dist::Rank{root});
    equal = equal && values == known_values<T>(root, kCount);
  }
  return equal;
}

/// Rank r gives r values, so that counts differ and rank 0 gives none.
template <typename T>
bool gathers(dist::Communicator& communicator) {
  const int rank = communicator.rank().value;
  const std::vector<T> mine = known_values<T>(rank, static_cast<std::size_t>(rank));
  std::vector<T> expected;
  for (int other = 0; communicator.is_root() && other < communicator.size().value; ++other) {
    const std::vector<T> values = known_values<T>(other, static_cast<std::size_t>(other));
    expected.insert(expected.end(), values.begin(), values.end());
  }
  return communicator.gather(std::span<const T>(mine)) == expected;
}

template <typename T>
void check_type(dist::Communicator& communicator, const std::string& type, std::vector<CollectiveCheck>& checks) {
  checks.push_back({"all_reduce sum " + type, reduces<T>(communicator, dist::Reduction::kSum)});
  checks.push_back({"all_reduce min " + type, reduces<T>(communicator, dist::Reduction::kMin)});
  checks.push_back({"all_reduce max " + type, reduces<T>(communicator, dist::Reduction::kMax)});
  checks.push_back({"broadcast " + type, broadcasts<T>(communicator)});
  checks.push_back({"gather " + type, gathers<T>(communicator)});
}

/// A failure of the last rank must reach every rank.
bool agrees(dist::Communicator& communicator) {
  const int last = communicator.size().value - 1;
  constexpr int kCode = 99;
  dist::agree(communicator, std::nullopt);
  try {
    const bool fails = communicator.rank().value == last;
    dist::agree(communicator,
                fails ? std::optional(dist::Failure{kCode, "a failure made up by doctor"}) : std::nullopt);
  } catch (const dist::AgreedFailure& failure) {
    return failure.code == kCode && failure.failing_rank.value == last &&
           std::string_view(failure.what()).starts_with("a failure made up by doctor");
  }
  return false;
}

bool compares(dist::Communicator& communicator) {
  const bool same = dist::same_on_all_ranks(communicator, 42);
  const bool differs = !dist::same_on_all_ranks(communicator, static_cast<std::uint64_t>(communicator.rank().value));
  return same && (differs || communicator.size().value == 1);
}

}  // namespace

std::vector<CollectiveCheck> check_collectives(dist::Communicator& communicator) {
  std::vector<CollectiveCheck> checks;
  communicator.barrier();
  checks.push_back({"barrier", true});
  check_type<float>(communicator, "float32", checks);
  check_type<double>(communicator, "float64", checks);
  check_type<std::int32_t>(communicator, "int32", checks);
  check_type<std::int64_t>(communicator, "int64", checks);
  check_type<std::uint64_t>(communicator, "uint64", checks);
  check_type<std::uint8_t>(communicator, "uint8", checks);
  checks.push_back({"agree", agrees(communicator)});
  checks.push_back({"same_on_all_ranks", compares(communicator)});
  return checks;
}

}  // namespace alignment
