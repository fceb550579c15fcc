#include "io/errors.hpp"
#include "io/formats/text/id_table.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "json";

std::vector<std::string> seeds() {
  return {
      R"({"a": "train", "b": "val", "\u00e4\ud83d\ude00": "test"})",
      "{\"1\":0,\n \"2\":-7, \"3\": 9223372036854775807}",
      R"({"x":"\"quoted\" \\ and \/ escaped\n"})",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.json";
  write_input(file, input);
  return returns<io::StoreError>(file, [&] { static_cast<void>(io::read_id_table(file)); });
}

}  // namespace alignment::fuzz
