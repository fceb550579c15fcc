#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace alignment::io {

/// SHA-256 (FIPS 180-4) of what is added. Used to tell files apart, not to keep secrets.
class Sha256 {
 public:
  void add(std::span<const char> bytes);
  /// 64 lower-case hexadecimal digits. Nothing may be added afterwards.
  [[nodiscard]] std::string hex();

 private:
  void take_block(const std::uint8_t* block);

  static constexpr std::size_t kBlockBytes = 64;
  std::array<std::uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, kBlockBytes> pending_{};
  std::uint64_t bytes_ = 0;
};

/// Of a whole file, in pieces. Throws StoreError where it cannot be read.
[[nodiscard]] std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace alignment::io
