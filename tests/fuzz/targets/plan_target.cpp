#include <array>

#include "io/errors.hpp"
#include "io/integer_arrays.hpp"
#include "tests/fuzz/handmade_hdf5.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "plan";

namespace {

void write_plan(const std::filesystem::path& path) {
  const HandmadeFile file(path);
  const std::array<std::int32_t, 4> pairs{0, 1, 2, 3};
  const std::array<std::int64_t, 9> offsets{0, 2, 4, 6, 8, 10, 12, 14, 16};
  std::array<std::int64_t, 16> frames{};
  for (std::size_t n = 0; n < frames.size(); ++n) frames[n] = static_cast<std::int64_t>(n % 2 + 3);
  file.dataset("pair", H5T_STD_I32LE, {2, 2}, pairs.data());
  file.dataset("offsets", H5T_STD_I64LE, {9}, offsets.data());
  file.dataset("frames", H5T_STD_I64LE, {16}, frames.data(), 4, true);
}

}  // namespace

std::vector<std::string> seeds() {
  return {bytes_of_file(write_plan)};
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.h5";
  write_input(file, input);
  return returns<io::StoreError>(file, [&] {
    static_cast<void>(io::read_integer_arrays(file, "plan file", {"pair", "offsets", "frames"}));
  });
}

}  // namespace alignment::fuzz
