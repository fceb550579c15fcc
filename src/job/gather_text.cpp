#include "src/job/gather_text.hpp"

#include <cstdint>
#include <span>

namespace alignment {

std::vector<std::string> gather_text(dist::Communicator& communicator, std::string_view text) {
  const auto length = static_cast<std::int64_t>(text.size());
  const std::vector<std::int64_t> lengths = communicator.gather(std::span<const std::int64_t>(&length, 1));
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  const std::vector<std::uint8_t> gathered = communicator.gather(std::span<const std::uint8_t>(bytes));

  std::vector<std::string> texts;
  auto next = gathered.begin();
  for (const std::int64_t rank_length : lengths) {
    texts.emplace_back(next, next + rank_length);
    next += rank_length;
  }
  return texts;
}

}  // namespace alignment
