#include "io/errors.hpp"
#include "io/formats/python/legacy_weights.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/io/formats/legacy_file.hpp"

namespace alignment::fuzz {

const char* const kFormat = "legacy_weights";

std::vector<std::string> seeds() {
  io::LegacyFile parameter;
  parameter.arrays.resize(1);
  parameter.storages.resize(1);
  parameter.listed.resize(1);
  return {io::LegacyFile().bytes(), parameter.bytes()};
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.pth";
  write_input(file, input);
  return returns<io::StoreError>(file, [&] {
    for (const auto& [name, array] : io::read_legacy_weights(file)) {
      std::uint64_t count = 1;
      for (const std::int64_t extent : array.shape) count *= static_cast<std::uint64_t>(extent);
      if (count != array.values.size()) throw BrokenPromise("an array whose shape is not that of its values");
    }
  });
}

}  // namespace alignment::fuzz
