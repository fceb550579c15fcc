#include "src/job/share_progress.hpp"

#include <fmt/format.h>

namespace alignment {

Progress progress_of_share(const dist::Communicator& communicator, ProgressChoice choice, const std::string& stage,
                           std::int64_t total, const std::string& unit) {
  const int ranks = communicator.size().value;
  return {communicator.is_root() ? choice : ProgressChoice::kOff,
          ranks == 1 ? stage : fmt::format("{} (rank 0 of {})", stage, ranks), total, unit};
}

}  // namespace alignment
