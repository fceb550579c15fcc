#include "src/lrprop/evaluation/pair_order.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace alignment::lrprop {

std::vector<VideoPair> tournament(std::int64_t videos) {
  // The circle method: all but the last seat move on by one a round; with an odd number the last seat is empty.
  std::vector<VideoPair> pairs;
  const std::int64_t seats = videos + videos % 2, moving = seats - 1;
  for (std::int64_t round = 0; round < moving; ++round) {
    for (std::int64_t k = 0; k < seats / 2; ++k) {
      const std::int64_t one = (round + k) % moving;
      const std::int64_t other = k == 0 ? moving : (round + moving - k) % moving;
      if (std::max(one, other) < videos) pairs.push_back({std::min(one, other), std::max(one, other)});
    }
  }
  return pairs;
}

std::vector<std::int64_t> cut_by_work(const std::vector<std::int64_t>& work, std::int64_t parts) {
  const std::int64_t total = std::accumulate(work.begin(), work.end(), std::int64_t{0});
  std::vector<std::int64_t> begins{0};
  std::int64_t done = 0;
  for (std::size_t n = 0; n < work.size(); ++n) {
    // A part ends before what lies more than half beyond its share.
    while (static_cast<std::int64_t>(begins.size()) < parts &&
           static_cast<double>(done) + static_cast<double>(work[n]) / 2 >
               static_cast<double>(total) * static_cast<double>(begins.size()) / static_cast<double>(parts)) {
      begins.push_back(static_cast<std::int64_t>(n));
    }
    done += work[n];
  }
  begins.resize(static_cast<std::size_t>(parts) + 1, static_cast<std::int64_t>(work.size()));
  return begins;
}

}  // namespace alignment::lrprop
