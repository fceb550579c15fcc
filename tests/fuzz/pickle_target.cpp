#include "io/errors.hpp"
#include "io/formats/text/id_table.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "pickle";

/// {'a': 'train', 'b': 'test'} and the like, as the protocols have them.
std::vector<std::string> seeds() {
  using namespace std::string_literals;
  return {
      "(dp0\nVa\np1\nVtrain\np2\nsV\\u00e4\np3\nS'test'\np4\ns."s,
      "(dp0\nI1\nI7\nsI2\nL5L\nsV3\nI-3\ns."s,
      "\x80\x02}q\x00(X\x01\x00\x00\x00"
      "aq\x01K\x00X\x01\x00\x00\x00"
      "bq\x02M\x01\x01J\x05\x00\x00\x00\x8a\x02\xff\x7fu."s,
      "\x80\x04\x95\x22\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01"
      "a\x94\x8c\x05train\x94\x8c\x01"
      "b\x94\x8c\x04test\x94\x8c\x01"
      "ch\x04u."s,
      // As above after a list, a tuple and what they hold were thrown away again.
      "\x80\x03]q\x00(K\x01NG\x3f\xf0\x00\x00\x00\x00\x00\x00"
      "e0K\x02\x85q\x01\x88\x89\x86(C\x02"
      "ab100}(K\x01\x8c\x01"
      "aK\x02"
      "2h\x00"
      "0u."s,
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.pkl";
  write_input(file, input);
  return returns<io::StoreError>(file, [&] { static_cast<void>(io::read_id_table(file)); });
}

}  // namespace alignment::fuzz
