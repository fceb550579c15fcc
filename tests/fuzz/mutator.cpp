#include "tests/fuzz/mutator.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace alignment::fuzz {
namespace {

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint64_t number) : seeds_(seeds), random_(20'250'601 + number) {}

  std::string make() {
    std::string bytes = seeds_[below(seeds_.size())];
    const std::size_t changes = below(4) == 0 ? 3 : 1;
    for (std::size_t change = 0; change < changes; ++change) mutate(bytes);
    return bytes;
  }

 private:
  /// 0 .. limit-1; without the library's distributions, which differ between machines.
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  std::size_t place(const std::string& bytes) {
    const std::size_t at = below(bytes.size());
    if (below(2) == 0) return at;
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const std::size_t candidate = (at + n) % bytes.size();
      if (bytes[candidate] != '\0') return candidate;
    }
    return at;
  }

  void mutate(std::string& bytes) {
    if (bytes.empty()) return;
    switch (below(6)) {
      case 0:
      case 1:
        return flip_bits(bytes);
      case 2:
        return bytes.resize(place(bytes));
      case 3:
        return splice(bytes);
      case 4:
        return overwrite_integer(bytes);
      default:
        return repeat_range(bytes);
    }
  }

  void flip_bits(std::string& bytes) {
    for (std::size_t n = 1 + below(4); n > 0; --n) {
      char& byte = bytes[place(bytes)];
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << below(8)));
    }
  }

  /// The beginning of one and the end of another, at the same place or anywhere.
  void splice(std::string& bytes) {
    const std::string& other = seeds_[below(seeds_.size())];
    const std::size_t at = place(bytes);
    const std::size_t from = below(2) == 0 ? std::min(at, other.size()) : below(other.size());
    bytes = bytes.substr(0, at) + other.substr(from);
  }

  void overwrite_integer(std::string& bytes) {
    constexpr std::array<std::uint64_t, 12> kExtremes{
        0,           1,           0x7F,      0x80,  0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF,
        1ULL << 63U, 1ULL << 62U, ~0ULL - 7, ~0ULL,
    };
    const std::uint64_t value = below(4) == 0 ? bytes.size() - 1 + below(3) : kExtremes[below(kExtremes.size())];
    const std::size_t width = below(2) == 0 ? 4 : 8, at = place(bytes) / 4 * 4 + (below(2) == 0 ? 0 : below(4));
    for (std::size_t n = 0; n < width && at + n < bytes.size(); ++n)
      bytes[at + n] = static_cast<char>(static_cast<unsigned char>(value >> (8 * n) & 0xFFU));
  }

  void repeat_range(std::string& bytes) {
    const std::size_t begin = place(bytes), count = std::min(1 + below(64), bytes.size() - begin);
    const std::string range = bytes.substr(begin, count);
    const std::size_t at = place(bytes);
    if (below(2) == 0) {
      bytes.insert(at, range);
    } else {
      bytes.replace(at, std::min(count, bytes.size() - at), range.substr(0, bytes.size() - at));
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

}  // namespace

std::string mutant(const std::vector<std::string>& seeds, std::uint64_t number) {
  return Mutator(seeds, number).make();
}

}  // namespace alignment::fuzz
