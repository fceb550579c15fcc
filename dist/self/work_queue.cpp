#include "dist/self/work_queue.hpp"

namespace alignment::dist::detail {

std::optional<std::int64_t> SelfWorkQueue::take() {
  if (asked_ == 0 || is_closed()) return std::nullopt;
  --asked_;
  return next_++;
}

void SelfWorkQueue::report(const WorkCounts& done) {
  for (std::size_t kind = 0; kind < done.size(); ++kind) done_[kind] += done[kind];
}

}  // namespace alignment::dist::detail
