#include "io/errors.hpp"
#include "src/training/files/metrics_file.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "metrics";

std::vector<std::string> seeds() {
  return {
      "{\"event\":\"step\",\"epoch\":0,\"step\":0,\"loss\":1.93,\"lr\":0.001,\"samples\":384}\n"
      "{\"event\":\"step\",\"epoch\":0,\"step\":1,\"loss\":1.5,\"lr\":0.001,\"samples\":384}\n"
      "{\"event\":\"epoch\",\"epoch\":0,\"train_loss\":1.7,\"train_top1\":0.5,\"seconds\":2}\n"
      "{\"event\":\"step\",\"epoch\":1,\"step\":2,\"loss\":1e-3,\"lr\":0.001,\"samples\":384}\n",
      "{\"event\":\"step\",\"step\":1}\n{\"event\":\"step\",\"step\":2,\"loss\":",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "metrics.jsonl";
  return returns<io::WriteError>(file, [&] {
    const std::size_t kept = metrics_before_step(input, 2, file).bytes;
    if (kept > input.size() || (kept > 0 && input[kept - 1] != '\n'))
      throw BrokenPromise("a cut that is not at the end of a line");
  });
}

}  // namespace alignment::fuzz
