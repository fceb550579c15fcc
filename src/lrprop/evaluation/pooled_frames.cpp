#include "src/lrprop/evaluation/pooled_frames.hpp"

#include <algorithm>

namespace alignment::lrprop {

void PooledFrames::read(std::int64_t first, std::int64_t count, double* rows) const {
  auto video = static_cast<std::size_t>(std::upper_bound(firsts_.begin(), firsts_.end(), first) - firsts_.begin()) - 1;
  for (; count > 0; ++video) {
    std::visit(
        [&](const auto& view) {
          const std::int64_t begin = first - firsts_[video];
          const std::int64_t end = std::min(begin + count, view.count);
          rows = std::transform(view.row(begin), view.row(end), rows,
                                [](auto value) { return static_cast<double>(value); });
          first += end - begin;
          count -= end - begin;
        },
        videos_[video]);
  }
}

}  // namespace alignment::lrprop
