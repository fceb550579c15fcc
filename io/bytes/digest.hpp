#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct XXH64_state_s;

namespace alignment::io {

/// XXH64 (seed 0) of what is added.
class Digest {
 public:
  Digest();
  void add(const void* bytes, std::size_t count);
  template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
  void add(Number number) { add(&number, sizeof number); }
  template <typename Number>
  void add(const std::vector<Number>& numbers) {
    add(numbers.data(), numbers.size() * sizeof(Number));
  }
  /// With its length, so that "ab","c" differs from "a","bc".
  void add(const std::string& text);
  [[nodiscard]] std::uint64_t value() const;

 private:
  std::unique_ptr<XXH64_state_s, void (*)(XXH64_state_s*)> state_;
};

/// Of numbers alone.
template <typename Number>
std::uint64_t digest_of(std::span<const Number> numbers) {
  Digest digest;
  digest.add(numbers.data(), numbers.size_bytes());
  return digest.value();
}
template <typename Number>
std::uint64_t digest_of(const std::vector<Number>& numbers) {
  return digest_of(std::span<const Number>(numbers));
}

}  // namespace alignment::io
