#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace alignment::io {

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
struct PickleGlobal {
  std::shared_ptr<const std::string> name;  ///< of a class or function, `module.name`; never looked up
};
using PickleValue = std::variant<PickleNone, bool, std::int64_t, double, PickleText, PickleBytes, PickleContainer,
                                 PickleGlobal, PickleMark>;

struct PickleNode {
  /// kCall: what a class or function would be called with, never called: `items` are it, its arguments and, where one
  /// was given, the state to set; `dict_items` what would be put into the result. kPersistent: `items` is the one
  /// value by which the pickle's writer knows a thing that lies elsewhere.
  enum class Kind : std::uint8_t { kList, kTuple, kDict, kSet, kCall, kPersistent };
  Kind kind = Kind::kList;
  std::vector<PickleValue> items;                               ///< of a list, tuple or set
  std::vector<std::pair<PickleValue, PickleValue>> dict_items;  ///< in order of insertion; a repeated key stands twice
};

struct PickleDocument {
  PickleValue root;
  std::vector<PickleNode> containers;
};

/// What a pickle may hold: plain values and containers, or also the names of classes and functions and what they would
/// be called with.
enum class PickleContent : std::uint8_t { kPlain, kCalls };

/// Reads one Python pickle of protocol 0 to 5 without running anything: None, bool, int (64 bits), float, str, bytes,
/// list, tuple, dict, set; with kCalls also what torch.save writes beside them. Any other opcode throws StoreError,
/// naming the opcode, the class or function, the byte and the way out, as do truncated and malformed pickles. `name`
/// stands at the beginning of the message.
[[nodiscard]] PickleDocument read_pickle(const std::string& name, std::span<const char> bytes,
                                         PickleContent content = PickleContent::kPlain);

/// Reads the pickle that begins at byte `position` of `bytes`, as read_pickle() does, and sets `position` to the first
/// byte behind it: files of several pickles.
[[nodiscard]] PickleDocument read_next_pickle(const std::string& name, std::span<const char> bytes,
                                              std::size_t& position, PickleContent content);

}  // namespace alignment::io
