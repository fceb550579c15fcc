#include "dist/agreement.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace dejavid::dist {
namespace {

/// What the lowest failing rank has to say, on every rank.
Failure share(Communicator& communicator, const std::optional<Failure>& failure, Rank failing_rank) {
  const bool mine = communicator.rank() == failing_rank;
  std::array<std::int64_t, 2> code_and_length{};
  if (mine) code_and_length = {failure->code, static_cast<std::int64_t>(failure->message.size())};
  communicator.broadcast(std::span(code_and_length.data(), code_and_length.size()), failing_rank);

  std::vector<std::uint8_t> text(static_cast<std::size_t>(code_and_length[1]));
  if (mine) std::copy(failure->message.begin(), failure->message.end(), text.begin());
  communicator.broadcast(std::span(text.data(), text.size()), failing_rank);
  return {static_cast<int>(code_and_length[0]), std::string(text.begin(), text.end())};
}

}  // namespace

int agree_with_flag(Communicator& communicator, const std::optional<Failure>& failure, int flag) {
  // One reduction in the good case. The largest "ranks above and including me" belongs to the lowest failing rank.
  const std::int64_t world_size = communicator.size().value;
  const std::int64_t urgency = failure ? world_size - communicator.rank().value : 0;
  std::array<std::int64_t, 2> urgency_and_flag{urgency, flag};
  communicator.all_reduce(std::span(urgency_and_flag.data(), urgency_and_flag.size()), Reduction::kMax);
  if (urgency_and_flag[0] == 0) return static_cast<int>(urgency_and_flag[1]);

  const Rank failing_rank{static_cast<int>(world_size - urgency_and_flag[0])};
  throw AgreedFailure(share(communicator, failure, failing_rank), failing_rank);
}

void agree(Communicator& communicator, const std::optional<Failure>& failure) {
  static_cast<void>(agree_with_flag(communicator, failure, 0));
}

bool same_on_all_ranks(Communicator& communicator, std::uint64_t value) {
  // The largest complement belongs to the smallest value, so one reduction finds both ends.
  std::array<std::uint64_t, 2> ends{value, ~value};
  communicator.all_reduce(std::span(ends.data(), ends.size()), Reduction::kMax);
  return ends[0] == ~ends[1];
}

}  // namespace dejavid::dist
