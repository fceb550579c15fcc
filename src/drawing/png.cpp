#include "src/drawing/png.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <queue>
#include <utility>
#include <vector>

namespace alignment::drawing {
namespace {

std::uint32_t crc32(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t value = n;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
      made[n] = value;
    }
    return made;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t low = 1, high = 0;
  for (const char byte : bytes) {
    low = (low + static_cast<unsigned char>(byte)) % 65521;
    high = (high + low) % 65521;
  }
  return high << 16U | low;
}

void put_big_endian(std::string& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xFFU);
}

// --- deflate (RFC 1951): one block of Huffman codes made for it, in which a byte that repeats is a run ---------------

constexpr std::size_t kEnd = 256, kSymbols = 286;
constexpr std::size_t kShortestRun = 3, kLongestRun = 258;

/// How the 29 lengths of runs begin, and the bits that say how much more.
constexpr std::array<std::uint16_t, 29> kRunBase = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
constexpr std::array<std::uint8_t, 29> kRunBits = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};

/// A literal, the end, or a run of the byte before: symbol and what follows its code.
struct Token {
  std::size_t symbol = 0;
  std::uint32_t extra = 0;
  unsigned extra_bits = 0;
};

std::vector<Token> tokens_of(std::string_view bytes) {
  std::vector<Token> tokens;
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::size_t run = 0;
    if (at > 0) {
      while (run < kLongestRun && at + run < bytes.size() && bytes[at + run] == bytes[at - 1]) ++run;
    }
    if (run < kShortestRun) {
      tokens.push_back({static_cast<unsigned char>(bytes[at]), 0, 0});
      ++at;
      continue;
    }
    const auto kind =
        static_cast<std::size_t>(std::upper_bound(kRunBase.begin(), kRunBase.end(), run) - kRunBase.begin() - 1);
    tokens.push_back({257 + kind, static_cast<std::uint32_t>(run - kRunBase[kind]), kRunBits[kind]});
    at += run;
  }
  tokens.push_back({kEnd, 0, 0});
  return tokens;
}

/// Lengths of a prefix code for symbols that occur so often, none above `longest`. At least two symbols get one.
std::vector<unsigned> code_lengths(std::vector<std::uint64_t> counts, unsigned longest) {
  for (std::size_t n = 0; std::count_if(counts.begin(), counts.end(), [](auto count) { return count > 0; }) < 2; ++n) {
    counts[n] = std::max(counts[n], std::uint64_t{1});
  }
  while (true) {
    struct Node {
      std::size_t left = 0, right = 0;
    };
    std::vector<Node> nodes(counts.size());
    using Entry = std::pair<std::uint64_t, std::size_t>;  // how often, which node: of equals the first made
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> open;
    for (std::size_t symbol = 0; symbol < counts.size(); ++symbol) {
      if (counts[symbol] > 0) open.emplace(counts[symbol], symbol);
    }
    while (open.size() > 1) {
      const Entry left = open.top();
      open.pop();
      const Entry right = open.top();
      open.pop();
      open.emplace(left.first + right.first, nodes.size());
      nodes.push_back({left.second, right.second});
    }
    std::vector<unsigned> depths(nodes.size());
    unsigned deepest = 0;
    for (std::size_t node = nodes.size(); node-- > counts.size();) {  // a parent is made after its children
      for (const std::size_t child : {nodes[node].left, nodes[node].right}) {
        depths[child] = depths[node] + 1;
        deepest = std::max(deepest, depths[child]);
      }
    }
    depths.resize(counts.size());
    if (deepest <= longest) return depths;
    for (std::uint64_t& count : counts) count = (count + 1) / 2;  // flatter
  }
}

/// The codes of these lengths, as RFC 1951 numbers them, first bit first.
std::vector<std::uint32_t> codes_of(const std::vector<unsigned>& lengths) {
  std::vector<std::uint32_t> codes(lengths.size());
  std::uint32_t next = 0;
  for (unsigned length = 1; length <= 15; ++length) {
    next <<= 1U;
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != length) continue;
      std::uint32_t turned = 0;
      for (unsigned bit = 0; bit < length; ++bit) turned |= (next >> bit & 1U) << (length - 1 - bit);
      codes[symbol] = turned;
      ++next;
    }
  }
  return codes;
}

class BitWriter {
 public:
  void put(std::uint32_t bits, unsigned count) {
    waiting_ |= static_cast<std::uint64_t>(bits) << held_;
    held_ += count;
    while (held_ >= 8) {
      bytes_ += static_cast<char>(waiting_ & 0xFFU);
      waiting_ >>= 8U;
      held_ -= 8;
    }
  }
  std::string finish() {
    if (held_ > 0) put(0, 8 - held_);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  std::uint64_t waiting_ = 0;
  unsigned held_ = 0;
};

std::string deflated(std::string_view bytes) {
  const std::vector<Token> tokens = tokens_of(bytes);
  std::vector<std::uint64_t> counts(kSymbols);
  for (const Token& token : tokens) ++counts[token.symbol];
  const std::vector<unsigned> lengths = code_lengths(counts, 15);
  const std::vector<std::uint32_t> codes = codes_of(lengths);

  // The lengths themselves: plain, each by a code of its own. Behind those of the symbols that of the only distance, 1.
  std::vector<unsigned> said = lengths;
  said.push_back(1);
  std::vector<std::uint64_t> length_counts(19);
  for (const unsigned length : said) ++length_counts[length];
  const std::vector<unsigned> length_lengths = code_lengths(length_counts, 7);
  const std::vector<std::uint32_t> length_codes = codes_of(length_lengths);

  BitWriter out;
  out.put(1, 1);  // the last block
  out.put(2, 2);  // with codes of its own
  out.put(kSymbols - 257, 5);
  out.put(0, 5);
  out.put(19 - 4, 4);
  constexpr std::array<std::size_t, 19> kOrder = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  for (const std::size_t length : kOrder) out.put(length_lengths[length], 3);
  for (const unsigned length : said) out.put(length_codes[length], length_lengths[length]);
  for (const Token& token : tokens) {
    out.put(codes[token.symbol], lengths[token.symbol]);
    if (token.symbol <= kEnd) continue;
    out.put(token.extra, token.extra_bits);
    out.put(0, 1);  // the distance
  }
  return out.finish();
}

void put_chunk(std::string& png, std::string_view name, std::string_view content) {
  put_big_endian(png, static_cast<std::uint32_t>(content.size()));
  std::string body(name);
  body += content;
  png += body;
  put_big_endian(png, crc32(body));
}

}  // namespace

CellSize whole_pixels(double width, double height) {
  return {std::max<std::int64_t>(std::llround(width), 1), std::max<std::int64_t>(std::llround(height), 1)};
}

std::string png_bytes(std::int64_t columns, std::int64_t rows, std::span<const std::uint8_t> cells,
                      std::span<const Colour> palette, CellSize size) {
  std::string header;
  put_big_endian(header, static_cast<std::uint32_t>(columns * size.width));
  put_big_endian(header, static_cast<std::uint32_t>(rows * size.height));
  header += std::string("\x08\x03\x00\x00\x00", 5);  // 8 bits, a palette
  std::string colours;
  for (const Colour colour : palette) {
    for (const std::uint8_t channel : {colour.red, colour.green, colour.blue}) colours += static_cast<char>(channel);
  }
  // A cell's first line of pixels is differences from the pixel before, as neighbours are alike; the others are
  // differences from the line above: zeros.
  const auto line_size = static_cast<std::size_t>(columns * size.width);
  const auto cell_width = static_cast<std::size_t>(size.width);
  std::string lines;
  lines.reserve((line_size + 1) * static_cast<std::size_t>(rows * size.height));
  for (std::int64_t row = 0; row < rows; ++row) {
    lines += '\x01';
    std::uint8_t before = 0;
    for (const std::uint8_t cell :
         cells.subspan(static_cast<std::size_t>(row * columns), static_cast<std::size_t>(columns))) {
      lines += static_cast<char>(static_cast<std::uint8_t>(cell - before));
      lines.append(cell_width - 1, '\0');
      before = cell;
    }
    for (std::int64_t line = 1; line < size.height; ++line) {
      lines += '\x02';
      lines.append(line_size, '\0');
    }
  }
  std::string stream = "\x78\x01";
  stream += deflated(lines);
  put_big_endian(stream, adler32(lines));

  std::string png = "\x89PNG\r\n\x1a\n";
  put_chunk(png, "IHDR", header);
  put_chunk(png, "PLTE", colours);
  put_chunk(png, "IDAT", stream);
  put_chunk(png, "IEND", "");
  return png;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min(bytes.size() - at, std::size_t{3});
    for (std::size_t n = 0; n < 3; ++n) {
      group = group << 8U | (n < count ? static_cast<unsigned char>(bytes[at + n]) : 0U);
    }
    for (std::size_t n = 0; n < 4; ++n) {
      text += n <= count ? kDigits[group >> (18U - 6U * static_cast<unsigned>(n)) & 0x3FU] : '=';
    }
  }
  return text;
}

std::string png_data_uri(std::string_view png) {
  return "data:image/png;base64," + base64(png);
}

}  // namespace alignment::drawing
