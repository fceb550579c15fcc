// One suite for every backend. Values are small integers, so sums are exact in every element type and compared without
// tolerance.
#include "dist/communicator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>

#include "dist/agreement.hpp"

namespace alignment::dist {
namespace {

constexpr std::chrono::seconds kTimeout{60};

struct Self {
  static std::unique_ptr<Communicator> make() { return make_self_communicator(); }
};
struct Mpi {
  static std::unique_ptr<Communicator> make() { return make_mpi_communicator(kTimeout); }
};
/// Cuts long spans into several MPI calls, the last one partly filled.
struct MpiInParts {
  static std::unique_ptr<Communicator> make() { return make_mpi_communicator(kTimeout, 300'007); }
};
/// Cuts even short spans.
struct MpiInCrumbs {
  static std::unique_ptr<Communicator> make() { return make_mpi_communicator(kTimeout, 2); }
};

template <typename BackendType, typename ElementT>
struct Case {
  using Backend = BackendType;
  using Value = ElementT;
};

template <typename T>
class CommunicatorTest : public testing::Test {
 protected:
  using Value = typename T::Value;

  static void SetUpTestSuite() { communicator_ = T::Backend::make(); }
  static void TearDownTestSuite() { communicator_.reset(); }

  static Communicator& communicator() { return *communicator_; }
  static int rank() { return communicator_->rank().value; }
  static int world() { return communicator_->size().value; }

  static std::vector<std::size_t> counts() {
    if (std::is_same_v<typename T::Backend, MpiInCrumbs>) return {0, 1, 2, 5};
    return {0, 1, 2, 1023, 1'000'003};
  }

  /// In 0 .. 12, or -6 .. 6 where the type has a sign: 8 ranks' sum fits an unsigned byte.
  static Value value(int of_rank, std::size_t index) {
    const auto mixed = static_cast<int>((index * 7 + static_cast<std::size_t>(of_rank) * 5 + index / 13) % 13);
    return static_cast<Value>(std::is_signed_v<Value> ? mixed - 6 : mixed);
  }

  /// value() repeats after this many indices.
  static constexpr std::size_t kPeriod = 13 * 13;

  static std::vector<Value> repeated(std::vector<Value> period, std::size_t count) {
    period.resize(std::max(count, kPeriod));
    for (std::size_t i = kPeriod; i < count; ++i) period[i] = period[i - kPeriod];
    period.resize(count);
    return period;
  }

  static std::vector<Value> values(int of_rank, std::size_t count) {
    std::vector<Value> period(kPeriod);
    for (std::size_t i = 0; i < kPeriod; ++i) period[i] = value(of_rank, i);
    return repeated(period, count);
  }

  static std::vector<Value> combined(Reduction reduction, std::size_t count) {
    std::vector<Value> period = values(0, kPeriod);
    for (int r = 1; r < world(); ++r) {
      for (std::size_t i = 0; i < kPeriod; ++i) {
        const Value next = value(r, i);
        if (reduction == Reduction::kSum) period[i] = static_cast<Value>(period[i] + next);
        if (reduction == Reduction::kMin) period[i] = std::min(period[i], next);
        if (reduction == Reduction::kMax) period[i] = std::max(period[i], next);
      }
    }
    return repeated(period, count);
  }

 private:
  static inline std::unique_ptr<Communicator> communicator_;
};

using Cases = testing::Types<Case<Self, float>, Case<Self, double>, Case<Self, std::int32_t>, Case<Self, std::int64_t>,
                             Case<Self, std::uint64_t>, Case<Self, std::uint8_t>, Case<Mpi, float>, Case<Mpi, double>,
                             Case<Mpi, std::int32_t>, Case<Mpi, std::int64_t>, Case<Mpi, std::uint64_t>,
                             Case<Mpi, std::uint8_t>, Case<MpiInParts, float>, Case<MpiInParts, std::uint8_t>,
                             Case<MpiInCrumbs, double>, Case<MpiInCrumbs, std::int32_t>>;
TYPED_TEST_SUITE(CommunicatorTest, Cases);

TYPED_TEST(CommunicatorTest, AllReduceIsExact) {
  using Number = typename TypeParam::Value;
  for (const Reduction reduction : {Reduction::kSum, Reduction::kMin, Reduction::kMax}) {
    for (const std::size_t count : this->counts()) {
      std::vector<Number> values = this->values(this->rank(), count);
      this->communicator().all_reduce(std::span<Number>(values), reduction);
      EXPECT_TRUE(values == this->combined(reduction, count))
          << "count " << count << " reduction " << static_cast<int>(reduction);
    }
  }
}

TYPED_TEST(CommunicatorTest, BroadcastComesFromEveryRoot) {
  using Number = typename TypeParam::Value;
  for (int root = 0; root < this->world(); ++root) {
    for (const std::size_t count : this->counts()) {
      std::vector<Number> values = this->values(this->rank(), count);
      this->communicator().broadcast(std::span<Number>(values), Rank{root});
      EXPECT_TRUE(values == this->values(root, count)) << "count " << count << " root " << root;
    }
  }
}

TYPED_TEST(CommunicatorTest, BroadcastRefusesARootOutsideTheWorld) {
  using Number = typename TypeParam::Value;
  std::vector<Number> values(3);
  EXPECT_THROW(this->communicator().broadcast(std::span<Number>(values), Rank{this->world()}), std::invalid_argument);
  EXPECT_THROW(this->communicator().broadcast(std::span<Number>(values), Rank{-1}), std::invalid_argument);
}

TYPED_TEST(CommunicatorTest, GatherKeepsRankOrderWithUnequalAndEmptyParts) {
  using Number = typename TypeParam::Value;
  for (const std::size_t count : this->counts()) {
    // Every third rank brings nothing, the others between count and 1.5 count.
    const auto count_of = [&](int r) {
      return r % 3 == 1 ? std::size_t{0} : count + count * static_cast<std::size_t>(r) / 16;
    };
    const std::vector<Number> mine = this->values(this->rank(), count_of(this->rank()));
    const std::vector<Number> gathered = this->communicator().gather(std::span<const Number>(mine));
    std::vector<Number> expected;
    for (int r = 0; r < this->world() && this->rank() == 0; ++r) {
      const std::vector<Number> part = this->values(r, count_of(r));
      expected.insert(expected.end(), part.begin(), part.end());
    }
    EXPECT_TRUE(gathered == expected) << "count " << count << ": found " << gathered.size() << " values, expected "
                                      << expected.size();
  }
}

TYPED_TEST(CommunicatorTest, TopologyIsConsistent) {
  using Number = typename TypeParam::Value;
  const Topology& topology = this->communicator().topology();
  EXPECT_FALSE(topology.host.empty());
  EXPECT_LT(topology.local_rank.value, topology.local_size);
  std::vector<Number> everyone(static_cast<std::size_t>(this->world()));
  everyone[static_cast<std::size_t>(this->rank())] = 1;
  this->communicator().all_reduce(std::span<Number>(everyone), Reduction::kSum);
  EXPECT_EQ(std::count(everyone.begin(), everyone.end(), Number{1}), this->world()) << "every rank is there once";
  this->communicator().barrier();
}

class MpiOnly : public testing::Test {
 protected:
  std::unique_ptr<Communicator> communicator_ = make_mpi_communicator(kTimeout);
  int rank_ = communicator_->rank().value;
  int world_ = communicator_->size().value;
};

/// Reals whose sum depends on the order of additions.
template <typename T>
std::vector<T> reals(int of_rank, std::size_t count) {
  std::mt19937_64 generator(static_cast<std::uint64_t>(of_rank) + 1);
  std::vector<T> values(count);
  for (T& value : values) {
    const auto mantissa = static_cast<T>(static_cast<double>(generator()) / 0x1p63 - 1.0);
    value = std::ldexp(mantissa, static_cast<int>(generator() % 40));
  }
  return values;
}

template <typename T>
void expect_sums_in_rank_order(Communicator& communicator, std::size_t count) {
  std::vector<T> sums = reals<T>(communicator.rank().value, count);
  communicator.all_reduce(std::span<T>(sums), Reduction::kSum);

  std::vector<T> expected(reals<T>(0, count));
  for (int r = 1; r < communicator.size().value; ++r) {
    const std::vector<T> part = reals<T>(r, count);
    for (std::size_t i = 0; i < count; ++i) expected[i] += part[i];
  }
  EXPECT_EQ(std::memcmp(sums.data(), expected.data(), count * sizeof(T)), 0) << "count " << count;
}

TEST_F(MpiOnly, FloatingPointSumsAreTheSumsInRankOrderBitForBit) {
  for (const std::size_t count : {3UL, 511UL, 513UL, 1025UL, 100'003UL}) {
    expect_sums_in_rank_order<float>(*communicator_, count);
    expect_sums_in_rank_order<double>(*communicator_, count);
  }
}

TEST_F(MpiOnly, NotANumberOnAnyRankReachesAll) {
  for (const Reduction reduction : {Reduction::kSum, Reduction::kMin, Reduction::kMax}) {
    for (int bad = 0; bad < world_; ++bad) {
      std::vector<double> values(2000, 1.0);
      if (rank_ == bad) values[7] = values[1999] = std::numeric_limits<double>::quiet_NaN();
      communicator_->all_reduce(std::span<double>(values), reduction);
      EXPECT_TRUE(std::isnan(values[7]) && std::isnan(values[1999])) << "rank " << bad;
      EXPECT_FALSE(std::isnan(values[8]));
    }
  }
}

TEST_F(MpiOnly, LocalRanksAreDistinctOnAHost) {
  const Topology& topology = communicator_->topology();
  const std::vector<std::int32_t> mine{topology.local_rank.value, topology.local_size};
  const std::vector<std::int32_t> all = communicator_->gather(std::span<const std::int32_t>(mine));
  // The tests run on one host, where the local rank is the rank.
  for (std::size_t r = 0; r < all.size() / 2; ++r) {
    EXPECT_EQ(all[2 * r], static_cast<std::int32_t>(r));
    EXPECT_EQ(all[2 * r + 1], world_);
  }
  EXPECT_EQ(topology.host, host_name());
}

TEST_F(MpiOnly, SeveralCommunicatorsDoNotMeet) {
  const std::unique_ptr<Communicator> other = make_mpi_communicator(kTimeout);
  std::vector<std::int64_t> first{1};
  std::vector<std::int64_t> second{10};
  communicator_->all_reduce(std::span<std::int64_t>(first), Reduction::kSum);
  other->all_reduce(std::span<std::int64_t>(second), Reduction::kSum);
  EXPECT_EQ(first[0], world_);
  EXPECT_EQ(second[0], 10 * world_);
}

TEST(MakeMpiCommunicator, RefusesSenselessArguments) {
  EXPECT_THROW(static_cast<void>(make_mpi_communicator(std::chrono::seconds(0))), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(make_mpi_communicator(kTimeout, 0)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(make_mpi_communicator(kTimeout, std::size_t{1} << 31)), std::invalid_argument);
}

}  // namespace
}  // namespace alignment::dist
