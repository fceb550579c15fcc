#include "dist/topology.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>

#include "dist/communicator.hpp"

namespace alignment::dist {
namespace {

template <typename From, typename To>
constexpr bool kConverts = std::is_convertible_v<From, To> || std::is_constructible_v<To, From>;

static_assert(!kConverts<Rank, LocalRank> && !kConverts<LocalRank, Rank>);
static_assert(!kConverts<Rank, WorldSize> && !kConverts<WorldSize, Rank>);
static_assert(!kConverts<LocalRank, WorldSize> && !kConverts<WorldSize, LocalRank>);
static_assert(!kConverts<Rank, int> && !std::is_convertible_v<int, Rank>);
static_assert(Rank{1} < Rank{2});

// What a collective carries: no pointers with counts, no types of unknown layout.
static_assert(Element<float> && Element<std::uint8_t>);
static_assert(!Element<bool> && !Element<std::byte> && !Element<const float> && !Element<std::string> &&
              !Element<void*>);
static_assert(!std::is_copy_constructible_v<Communicator> && !std::is_move_constructible_v<Communicator>);

TEST(SelfCommunicator, IsRankZeroOfOne) {
  const std::unique_ptr<Communicator> communicator = make_self_communicator();
  EXPECT_EQ(communicator->rank(), Rank{0});
  EXPECT_EQ(communicator->size(), WorldSize{1});
  EXPECT_EQ(communicator->topology().local_rank, LocalRank{0});
  EXPECT_EQ(communicator->topology().local_size, 1);
  EXPECT_TRUE(communicator->is_root());
  EXPECT_EQ(communicator->topology().host, host_name());
  EXPECT_STREQ(communicator->backend_name(), "self");
}

}  // namespace
}  // namespace alignment::dist
