#include "io/bytes/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <vector>

#include "io/errors.hpp"

namespace alignment::io {
namespace {

// FIPS 180-4, section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
constexpr std::array<std::uint32_t, 64> kRound{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

}  // namespace

void Sha256::take_block(const std::uint8_t* block) {
  std::array<std::uint32_t, 64> words{};
  for (std::size_t t = 0; t < 16; ++t) {
    for (std::size_t byte = 0; byte < 4; ++byte) words[t] = words[t] << 8U | block[4 * t + byte];
  }
  for (std::size_t t = 16; t < words.size(); ++t) {
    const std::uint32_t early = words[t - 15], late = words[t - 2];
    const std::uint32_t small0 = std::rotr(early, 7) ^ std::rotr(early, 18) ^ (early >> 3U);
    const std::uint32_t small1 = std::rotr(late, 17) ^ std::rotr(late, 19) ^ (late >> 10U);
    words[t] = words[t - 16] + small0 + words[t - 7] + small1;
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t t = 0; t < words.size(); ++t) {
    const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t chosen = (e & f) ^ (~e & g);
    const std::uint32_t first = h + sum1 + chosen + kRound[t] + words[t];
    const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    h = g, g = f, f = e, e = d + first, d = c, c = b, b = a, a = first + sum0 + majority;
  }
  const std::array<std::uint32_t, 8> added{a, b, c, d, e, f, g, h};
  for (std::size_t n = 0; n < state_.size(); ++n) state_[n] += added[n];
}

void Sha256::add(std::span<const char> bytes) {
  while (!bytes.empty()) {
    const std::size_t filled = bytes_ % kBlockBytes, taken = std::min(bytes.size(), kBlockBytes - filled);
    std::memcpy(pending_.data() + filled, bytes.data(), taken);
    bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (bytes_ % kBlockBytes == 0) take_block(pending_.data());
  }
}

std::string Sha256::hex() {
  const std::uint64_t bits = 8 * bytes_;
  constexpr char kOne = '\x80', kZero = '\0';
  add(std::span(&kOne, 1));
  while (bytes_ % kBlockBytes != kBlockBytes - 8) add(std::span(&kZero, 1));
  std::array<char, 8> length{};
  for (std::size_t n = 0; n < length.size(); ++n) length[n] = static_cast<char>(bits >> (56 - 8 * n) & 0xFFU);
  add(length);
  std::string text;
  for (const std::uint32_t word : state_) text += fmt::format("{:08x}", word);
  return text;
}

std::string sha256_of_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  Sha256 sha256;
  std::vector<char> piece(std::size_t{1} << 18U);
  while (stream) {
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    sha256.add(std::span(piece).first(static_cast<std::size_t>(stream.gcount())));
  }
  if (!stream.eof()) {
    throw StoreError(
        fmt::format("{}: found no readable file; expected one; check the path and permissions", file.string()));
  }
  return sha256.hex();
}

}  // namespace alignment::io
