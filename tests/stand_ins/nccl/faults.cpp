#include "faults.hpp"

#include <cstdlib>
#include <string>

namespace alignment::nccl_stand_in {
namespace {

/// What stands before the next `mark`; `rest` goes on behind it.
std::string_view take(std::string_view& rest, char mark) {
  const std::size_t end = rest.find(mark);
  const std::string_view taken = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return taken;
}

std::uint64_t number_or(std::string_view text, std::uint64_t otherwise) {
  return text.empty() ? otherwise : std::stoull(std::string(text));
}

long number(const char* variable) {
  const char* asked = std::getenv(variable);
  return asked == nullptr ? 0 : std::atol(asked);
}

}  // namespace

bool fault(std::string_view kind, int rank, std::uint64_t number) {
  const char* asked = std::getenv("DEJAVID_NCCL_FAULT");
  std::string_view faults(asked == nullptr ? "" : asked);
  const auto this_rank = static_cast<std::uint64_t>(rank);
  while (!faults.empty()) {
    std::string_view one = take(faults, ',');
    if (take(one, ':') != kind || number_or(take(one, ':'), this_rank) != this_rank) continue;
    if (number == 0 || number_or(take(one, ':'), 1) == number) return true;
  }
  return false;
}

std::chrono::milliseconds delay() {
  return std::chrono::milliseconds(number("DEJAVID_NCCL_DELAY_MS"));
}

std::chrono::microseconds time_of_a_call() {
  return std::chrono::microseconds(number("DEJAVID_NCCL_CALL_US"));
}

}  // namespace alignment::nccl_stand_in
