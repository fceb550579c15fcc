#include "io/errors.hpp"
#include "io/formats/text/ts.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/io/formats/read_all.hpp"

namespace alignment::fuzz {

const char* const kFormat = "ts";

std::vector<std::string> seeds() {
  return {
      "@problemName Two\n@timeStamps false\n@missing false\n@univariate false\n@dimensions 2\n@equalLength true\n"
      "@seriesLength 3\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n-1.5,2e-3,+3:0,1e30,6:b\n",
      "# a comment\n@problemName Uneven\n@univariate true\n@classLabel true 1 2 10\n@data\n1,2,3,4:1\n5:2\n6,7:10\n",
      "\xEF\xBB\xBF@dimension 3\r\n@equalLength false\r\n@classLabel true\r\n@data\r\n1:2:3:x\r\n4,5:6,7:8,9:y\r\n",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.ts";
  write_input(file, input);
  return returns<io::StoreError, io::NotFiniteError>(
      file, [&] { static_cast<void>(io::read_all(*io::open_ts(file, std::nullopt))); });
}

}  // namespace alignment::fuzz
