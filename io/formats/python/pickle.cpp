#include "io/formats/python/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"

namespace alignment::io {
namespace {

constexpr std::size_t kDeepest = 64;  ///< containers within containers; three dicts of plain values need two

/// Opcodes that would call or fetch something: their names, for the message.
std::string_view forbidden_name(unsigned char opcode) {
  switch (opcode) {
    case 'R':
      return "REDUCE";
    case 'b':
      return "BUILD";
    case 'i':
      return "INST";
    case 'o':
      return "OBJ";
    case 'P':
      return "PERSID";
    case 'Q':
      return "BINPERSID";
    case 0x81:
      return "NEWOBJ";
    case 0x82:
      return "EXT1";
    case 0x83:
      return "EXT2";
    case 0x84:
      return "EXT4";
    case 0x92:
      return "NEWOBJ_EX";
    case 0x96:
      return "BYTEARRAY8";
    case 0x97:
      return "NEXT_BUFFER";
    case 0x98:
      return "READONLY_BUFFER";
    default:
      return {};
  }
}

/// Appends the code point; false, and nothing appended, for a surrogate or one above U+10FFFF.
bool append_utf8(std::string& text, std::uint32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return false;
  }
  const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  text += static_cast<char>(static_cast<unsigned char>(kLead[more] | code >> (6 * more)));
  for (int left = more - 1; left >= 0; --left) {
    text += static_cast<char>(static_cast<unsigned char>(0x80 | (code >> (6 * left) & 0x3F)));
  }
  return true;
}

class PickleReader {
 public:
  PickleReader(const std::string& name, std::span<const char> bytes, PickleContent content, std::size_t position = 0)
      : name_(name), bytes_(bytes), content_(content), position_(position) {}

  PickleDocument read() {
    PickleDocument document = read_next();
    if (position_ != bytes_.size()) {
      refuse(fmt::format("{} bytes behind the end of the pickle", bytes_.size() - position_));
    }
    return document;
  }

  /// Whatever comes behind the pickle, at position().
  PickleDocument read_next() {
    while (!stopped_) {
      opcode_begin_ = position_;
      step(static_cast<unsigned char>(take(1)[0]));
    }
    if (stack_.size() != 1 || std::holds_alternative<PickleMark>(stack_.back())) {
      refuse("a STOP with values left over");
    }
    document_.root = std::move(stack_.back());
    return std::move(document_);
  }

  [[nodiscard]] std::size_t position() const { return position_; }

 private:
  using Kind = PickleNode::Kind;

  [[noreturn]] void refuse(std::string_view found) const {
    if (content_ == PickleContent::kCalls) {
      throw StoreError(
          fmt::format("{}: found {} at byte {} of its pickle; expected what torch.save writes of a tensor or a dict of "
                      "tensors; copy the file again, or load it in Python and torch.save that",
                      name_, found, opcode_begin_));
    }
    throw StoreError(fmt::format(
        "{}: found {} at byte {}; expected a pickled dict of plain strings and numbers; write it as JSON instead: "
        "python3 -c \"import pickle,json,sys; json.dump({{str(k): getattr(v,'item',lambda: v)() for k,v in "
        "pickle.load(open(sys.argv[1],'rb')).items()}}, open(sys.argv[2],'w'))\" IN.pkl OUT.json (only for a pickle "
        "you trust)",
        name_, found, opcode_begin_));
  }

  std::span<const char> take(std::uint64_t count) {
    if (count > bytes_.size() - position_) {
      refuse("a pickle that ends too early");
    }
    const auto piece = bytes_.subspan(position_, count);
    position_ += count;
    return piece;
  }

  /// An unsigned little-endian integer of `width` bytes.
  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const char byte : take(width)) {
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(byte)) << shift;
      shift += 8;
    }
    return value;
  }

  std::string text(std::uint64_t count) {
    const auto piece = take(count);
    std::string result(piece.begin(), piece.end());
    if (!is_utf8(result)) {
      refuse("a string that is not UTF-8");
    }
    return result;
  }

  std::string line() {
    std::string result;
    for (char character = take(1)[0]; character != '\n'; character = take(1)[0]) {
      result += character;
    }
    return result;
  }

  void push(PickleValue value) { stack_.push_back(std::move(value)); }
  void push_text(std::string value) { push(PickleText{std::make_shared<const std::string>(std::move(value))}); }

  PickleValue pop() {
    if (stack_.empty() || std::holds_alternative<PickleMark>(stack_.back())) {
      refuse("an opcode without its operand");
    }
    PickleValue value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }

  /// What lies above the last mark, which goes too.
  std::vector<PickleValue> pop_to_mark() {
    std::size_t begin = stack_.size();
    while (begin > 0 && !std::holds_alternative<PickleMark>(stack_[begin - 1])) {
      --begin;
    }
    if (begin == 0) {
      refuse("an opcode without its MARK");
    }
    std::vector<PickleValue> values(std::make_move_iterator(stack_.begin() + static_cast<std::ptrdiff_t>(begin)),
                                    std::make_move_iterator(stack_.end()));
    stack_.resize(begin - 1);
    --marks_;
    return values;
  }

  void mark() {
    if (++marks_ > kDeepest) {
      refuse(fmt::format("containers nested more than {} deep", kDeepest));
    }
    push(PickleMark{});
  }

  void push_container(Kind kind, std::vector<PickleValue> items = {}) {
    document_.containers.push_back({.kind = kind, .items = {}, .dict_items = {}});
    push(PickleContainer{document_.containers.size() - 1});
    if (kind == Kind::kDict) {
      set_items(std::move(items));
    } else {
      document_.containers.back().items = std::move(items);
    }
  }

  void push_tuple(std::size_t count) {
    std::vector<PickleValue> items(count);
    for (std::size_t i = count; i > 0; --i) {
      items[i - 1] = pop();
    }
    push_container(Kind::kTuple, std::move(items));
  }

  PickleNode& top(Kind kind) {
    if (stack_.empty() || !std::holds_alternative<PickleContainer>(stack_.back())) {
      refuse("an item without its container");
    }
    PickleNode& node = document_.containers[std::get<PickleContainer>(stack_.back()).index];
    if (node.kind != kind && !(kind == Kind::kDict && node.kind == Kind::kCall)) {  // a call may make a kind of dict
      refuse("an item for another kind of container");
    }
    return node;
  }

  void append(std::vector<PickleValue> values, Kind kind) {
    auto& items = top(kind).items;
    items.insert(items.end(), std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
  }

  void set_items(std::vector<PickleValue> values) {
    PickleNode& node = top(Kind::kDict);
    if (values.size() % 2 != 0) {
      refuse("a key without a value");
    }
    for (std::size_t i = 0; i < values.size(); i += 2) {
      node.dict_items.emplace_back(std::move(values[i]), std::move(values[i + 1]));
    }
  }

  void remember(std::uint64_t key) {
    if (stack_.empty() || std::holds_alternative<PickleMark>(stack_.back())) {
      refuse("a memo of nothing");
    }
    memo_[key] = stack_.back();
  }

  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) {
      refuse("a reference to what was never remembered");
    }
    push(found->second);
  }

  void push_global(std::string_view opcode, std::string module, std::string_view name) {
    module += '.';
    module += name;
    if (content_ == PickleContent::kPlain) {
      refuse(fmt::format("{} {} (a class or function, as numpy numbers need)", opcode, excerpt(module)));
    }
    push(PickleGlobal{std::make_shared<const std::string>(std::move(module))});
  }

  /// STACK_GLOBAL: the two names lie on the stack.
  void push_stack_global() {
    const PickleValue name = pop(), module = pop();
    const auto *name_text = std::get_if<PickleText>(&name), *module_text = std::get_if<PickleText>(&module);
    if (name_text == nullptr || module_text == nullptr) {
      refuse("STACK_GLOBAL of what is no text");
    }
    push_global("STACK_GLOBAL", *module_text->text, *name_text->text);
  }

  /// REDUCE and NEWOBJ: a call, kept as one.
  void push_call() {
    std::vector<PickleValue> parts(2);
    parts[1] = pop();
    parts[0] = pop();
    push_container(Kind::kCall, std::move(parts));
  }

  /// BUILD: a state for what a call would have made.
  void set_state() {
    PickleValue state = pop();
    top(Kind::kCall).items.push_back(std::move(state));
  }

  std::uint64_t memo_key() {
    const std::string digits = line();
    long long key = 0;
    if (!parse_integer(digits, key) || key < 0) {
      refuse("a malformed memo key");
    }
    return static_cast<std::uint64_t>(key);
  }

  /// Protocol 0's INT and LONG: decimal digits; INT also carries True ("01") and False ("00").
  void push_decimal(bool may_be_bool) {
    std::string digits = line();
    if (may_be_bool && (digits == "00" || digits == "01")) {
      push(digits == "01");
      return;
    }
    if (!may_be_bool && digits.ends_with('L')) {
      digits.pop_back();
    }
    long long value = 0;
    if (!parse_integer(digits, value)) {
      refuse("an integer that does not fit 64 bits");
    }
    push(static_cast<std::int64_t>(value));
  }

  /// LONG1 and LONG4: two's complement of any length.
  void push_long(std::uint64_t width) {
    if (width > 8) {
      refuse("an integer that does not fit 64 bits");
    }
    std::uint64_t bits = number(static_cast<std::size_t>(width));
    if (width > 0 && width < 8 && (bits >> (8 * width - 1) & 1U) != 0) {
      bits |= ~std::uint64_t{0} << (8 * width);
    }
    push(static_cast<std::int64_t>(bits));
  }

  void push_float_line() {
    const ParsedNumber parsed = parse_number(line());
    if (!parsed.well_formed) {
      refuse("a malformed float");
    }
    push(parsed.value);
  }

  void push_binary_float() {
    std::uint64_t bits = 0;
    for (const char byte : take(8)) {  // big-endian, unlike everything else
      bits = bits << 8 | static_cast<unsigned char>(byte);
    }
    push(std::bit_cast<double>(bits));
  }

  /// Protocol 0's STRING: a quoted Python 2 literal. Only one without escapes is taken.
  void push_quoted() {
    const std::string quoted = line();
    const bool whole =
        quoted.size() >= 2 && quoted.front() == quoted.back() && (quoted.front() == '\'' || quoted.front() == '"');
    if (!whole || quoted.find('\\') != std::string::npos || !is_utf8(quoted)) {
      refuse("a STRING with escapes");
    }
    push_text(quoted.substr(1, quoted.size() - 2));
  }

  /// Protocol 0's UNICODE: UTF-8 where it is Latin-1 in truth, with \uXXXX and \UXXXXXXXX.
  void push_raw_unicode() {
    const std::string raw = line();
    std::string result;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const auto character = static_cast<unsigned char>(raw[i]);
      const bool escaped = character == '\\' && i + 1 < raw.size() && (raw[i + 1] == 'u' || raw[i + 1] == 'U');
      if (!escaped) {
        append_utf8(result, character);
        continue;
      }
      const std::size_t digits = raw[i + 1] == 'u' ? 4 : 8;
      std::uint32_t code = 0;
      const char* begin = raw.data() + i + 2;
      const char* end = begin + std::min(digits, raw.size() - i - 2);
      const auto [stopped, error] = std::from_chars(begin, end, code, 16);
      if (error != std::errc{} || stopped != begin + digits || !append_utf8(result, code)) {
        refuse("a malformed \\u escape");
      }
      i += 1 + digits;
    }
    push_text(std::move(result));
  }

  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (number(1) > 5) {
          refuse("a pickle protocol above 5");
        }
        return;
      case 0x95:
        take(8);
        return;  // FRAME: its length adds nothing to what the opcodes say
      case '.':
        stopped_ = true;
        return;
      case '(':
        mark();
        return;
      case '0':  // POP
        if (!stack_.empty() && std::holds_alternative<PickleMark>(stack_.back())) {
          pop_to_mark();
        } else {
          pop();
        }
        return;
      case '1':
        pop_to_mark();
        return;    // POP_MARK
      case '2': {  // DUP
        PickleValue value = pop();
        push(value);
        push(std::move(value));
        return;
      }
      case 'N':
        push(PickleNone{});
        return;
      case 0x88:
        push(true);
        return;
      case 0x89:
        push(false);
        return;
      case 'I':
        push_decimal(true);
        return;
      case 'L':
        push_decimal(false);
        return;
      case 'J':
        push(static_cast<std::int64_t>(static_cast<std::int32_t>(number(4))));
        return;  // BININT
      case 'K':
        push(static_cast<std::int64_t>(number(1)));
        return;
      case 'M':
        push(static_cast<std::int64_t>(number(2)));
        return;
      case 0x8a:
        push_long(number(1));
        return;
      case 0x8b:
        push_long(number(4));
        return;
      case 'F':
        push_float_line();
        return;
      case 'G':
        push_binary_float();
        return;
      case 'S':
        push_quoted();
        return;
      case 'V':
        push_raw_unicode();
        return;
      case 'U':
        push_text(text(number(1)));
        return;  // SHORT_BINSTRING
      case 'T':
        push_text(text(number(4)));
        return;  // BINSTRING
      case 0x8c:
        push_text(text(number(1)));
        return;  // SHORT_BINUNICODE
      case 'X':
        push_text(text(number(4)));
        return;
      case 0x8d:
        push_text(text(number(8)));
        return;
      case 'C':
        push_bytes(number(1));
        return;
      case 'B':
        push_bytes(number(4));
        return;
      case 0x8e:
        push_bytes(number(8));
        return;
      case ']':
        push_container(Kind::kList);
        return;
      case ')':
        push_container(Kind::kTuple);
        return;
      case '}':
        push_container(Kind::kDict);
        return;
      case 0x8f:
        push_container(Kind::kSet);
        return;
      case 'l':
        push_container(Kind::kList, pop_to_mark());
        return;
      case 't':
        push_container(Kind::kTuple, pop_to_mark());
        return;
      case 'd':
        push_container(Kind::kDict, pop_to_mark());
        return;
      case 0x91:
        push_container(Kind::kSet, pop_to_mark());
        return;  // FROZENSET
      case 0x85:
        push_tuple(1);
        return;
      case 0x86:
        push_tuple(2);
        return;
      case 0x87:
        push_tuple(3);
        return;
      case 'a': {  // APPEND
        std::vector<PickleValue> one(1, pop());
        append(std::move(one), Kind::kList);
        return;
      }
      case 'e':
        append(pop_to_mark(), Kind::kList);
        return;
      case 0x90:
        append(pop_to_mark(), Kind::kSet);
        return;
      case 's': {  // SETITEM
        std::vector<PickleValue> two(2);
        two[1] = pop();
        two[0] = pop();
        set_items(std::move(two));
        return;
      }
      case 'u':
        set_items(pop_to_mark());
        return;
      case 'p':
        remember(memo_key());
        return;
      case 'q':
        remember(number(1));
        return;
      case 'r':
        remember(number(4));
        return;
      case 0x94:
        remember(memo_.size());
        return;
      case 'g':
        recall(memo_key());
        return;
      case 'h':
        recall(number(1));
        return;
      case 'j':
        recall(number(4));
        return;
      case 'c': {  // GLOBAL
        std::string module = line();
        push_global("GLOBAL", std::move(module), line());
        return;
      }
      case 0x93:
        push_stack_global();
        return;
      default:
        break;
    }
    if (content_ == PickleContent::kCalls) {
      switch (opcode) {
        case 'R':
        case 0x81:
          push_call();
          return;
        case 'b':
          set_state();
          return;
        case 'Q':
          push_container(Kind::kPersistent, std::vector<PickleValue>(1, pop()));
          return;
        default:
          break;
      }
    }
    const std::string_view forbidden = forbidden_name(opcode);
    refuse(forbidden.empty() ? fmt::format("the unknown opcode 0x{:02x}", opcode)
                             : fmt::format("{} (a class, function or buffer, as numpy numbers are)", forbidden));
  }

  void push_bytes(std::uint64_t count) {
    const auto piece = take(count);
    push(PickleBytes{std::make_shared<const std::string>(piece.begin(), piece.end())});
  }

  const std::string& name_;
  std::span<const char> bytes_;
  PickleContent content_;
  std::size_t position_, opcode_begin_ = 0, marks_ = 0;
  bool stopped_ = false;
  std::vector<PickleValue> stack_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
  PickleDocument document_;
};

}  // namespace

PickleDocument read_pickle(const std::string& name, std::span<const char> bytes, PickleContent content) {
  return PickleReader(name, bytes, content).read();
}

PickleDocument read_next_pickle(const std::string& name, std::span<const char> bytes, std::size_t& position,
                                PickleContent content) {
  PickleReader reader(name, bytes, content, position);
  PickleDocument document = reader.read_next();
  position = reader.position();
  return document;
}

}  // namespace alignment::io
