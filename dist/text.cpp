#include "dist/text.hpp"

#include <cstdint>
#include <span>

namespace alignment::dist {

std::string broadcast_text(Communicator& communicator, std::string_view text, Rank root) {
  auto length = static_cast<std::int64_t>(text.size());
  communicator.broadcast(std::span(&length, 1), root);
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  bytes.resize(static_cast<std::size_t>(length));
  communicator.broadcast(std::span(bytes), root);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> gather_text(Communicator& communicator, std::string_view text) {
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

}  // namespace alignment::dist
