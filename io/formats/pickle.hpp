#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace dejavid::io {

/// What a pickle may hold here: plain values and containers. A container is known by its index into
/// PickleDocument::containers, so that shared and even self-containing ones need no ownership between values.
struct PickleNone {};
struct PickleMark {};  ///< on the reader's stack only
struct PickleText {
  std::shared_ptr<const std::string> text;  ///< UTF-8; shared, since a pickle may refer to one text any number of times
};
struct PickleBytes {
  std::shared_ptr<const std::string> bytes;
};
struct PickleContainer {
  std::size_t index = 0;
};
using PickleValue =
    std::variant<PickleNone, bool, std::int64_t, double, PickleText, PickleBytes, PickleContainer, PickleMark>;

struct PickleNode {
  enum class Kind : std::uint8_t { kList, kTuple, kDict, kSet };
  Kind kind = Kind::kList;
  std::vector<PickleValue> items;                               ///< of a list, tuple or set
  std::vector<std::pair<PickleValue, PickleValue>> dict_items;  ///< in order of insertion; a repeated key stands twice
};

struct PickleDocument {
  PickleValue root;
  std::vector<PickleNode> containers;
};

/// Reads one Python pickle of protocol 0 to 5 without running anything: None, bool, int (64 bits), float, str, bytes,
/// list, tuple, dict, set. Any other opcode - those that name classes and functions above all - throws StoreError,
/// naming the opcode, the byte and the JSON one-liner as the way out, as do truncated and malformed pickles. `name`
/// stands at the beginning of the message.
[[nodiscard]] PickleDocument read_pickle(const std::string& name, std::span<const char> bytes);

}  // namespace dejavid::io
