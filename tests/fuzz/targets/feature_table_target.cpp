#include "io/formats/text/feature_table.hpp"

#include "io/errors.hpp"
#include "tests/fuzz/matrix_promise.hpp"

namespace alignment::fuzz {

const char* const kFormat = "feature_table";

std::vector<std::string> seeds() {
  return {
      "0.5,-1,2e3\n0.25,+7,nan\n-inf,1e-400,0\n",
      "\xEF\xBB\xBF\"left, x\",\"say \"\"y\"\"\"\r\n1.5,\"2.5\"\r\n\r\n3,4\r\n",
      "frame,a\n0.0,3\n1.0,4\n2.0,5",
      "x\n1\n2\n",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.csv";
  write_input(file, input);
  return returns<io::StoreError, io::NotFiniteError>(file, [&] {
    const auto matrix = io::read_feature_table(file);
    require_shape(matrix);
    if (io::read_feature_table_dim(file) != matrix.feature_dim) throw BrokenPromise("two widths of one file");
  });
}

}  // namespace alignment::fuzz
