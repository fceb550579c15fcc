#include "src/lrprop/evaluation/probe.hpp"

#include <cstddef>

namespace alignment::lrprop {

std::int64_t count_right(const PooledFrames& frames, const std::vector<std::int32_t>& predicted) {
  std::int64_t right = 0;
  for (std::size_t n = 0; n < predicted.size(); ++n) right += predicted[n] == frames.labels()[n] ? 1 : 0;
  return right;
}

}  // namespace alignment::lrprop
