#pragma once

#include <cstdint>
#include <vector>

namespace alignment::lrprop {

/// Two videos, first < second.
struct VideoPair {
  std::int64_t first = 0, second = 0;
};

/// Every unordered pair of `videos` videos, in the rounds of a tournament: neighbours in the list have no video in
/// common, but where a round ends, so that threads that take them side by side do not wait for each other's lists.
[[nodiscard]] std::vector<VideoPair> tournament(std::int64_t videos);

/// Where a pair stands among all in the order (0,1), (0,2), ..., (1,2), ...
[[nodiscard]] constexpr std::int64_t place_of(const VideoPair& pair, std::int64_t videos) {
  return pair.first * (2 * videos - pair.first - 1) / 2 + pair.second - pair.first - 1;
}

/// Consecutive parts [begins[p], begins[p+1]) of a list that have about the same work each, [parts+1]. The same on
/// every rank.
[[nodiscard]] std::vector<std::int64_t> cut_by_work(const std::vector<std::int64_t>& work, std::int64_t parts);

}  // namespace alignment::lrprop
