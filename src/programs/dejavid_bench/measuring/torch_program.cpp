#include "src/programs/dejavid_bench/measuring/torch_program.hpp"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

#include "io/errors.hpp"
#include "src/config/error.hpp"
#include "src/programs/dejavid_bench/measuring/child_program.hpp"

namespace alignment::dejavid::bench {
namespace {

/// Exit codes of the scripts.
enum ScriptCode : int { kNoTorch = 3, kNoCompiler = 4, kNoGpu = 5, kNotStarted = 127 };

std::string default_python() {
  return std::filesystem::exists(DEJAVID_VENV_PYTHON) ? DEJAVID_VENV_PYTHON : "python3";
}

}  // namespace

void write_floats(const std::filesystem::path& file, std::span<const float> values) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size_bytes()));
  if (!stream.flush()) {
    throw io::WriteError(
        fmt::format("{}: found that it cannot be written; expected {} bytes; set TMPDIR to a folder "
                    "with space",
                    file.string(), values.size_bytes()));
  }
}

nlohmann::json run_torch_script(const std::filesystem::path& folder, const std::string& script,
                                const std::string& asked) {
  const std::string python = asked.empty() ? default_python() : asked;
  const ChildEnd end = run_program({python, (folder / script).string(), folder.string()}, folder / "errors");
  switch (end.exit_code) {
    case 0: {
      std::ifstream results(folder / "results.json");
      return nlohmann::json::parse(results);
    }
    case kNotStarted:
      throw ConfigError(
          fmt::format("--python: found that {} cannot be started ({}); expected a Python with PyTorch; name one",
                      python, end.last_line));
    case kNoTorch:
      throw ConfigError(
          fmt::format("--python: found {} without a PyTorch that can be imported ({}); expected one; run "
                      "launch/install.sh --cuda, or name a Python that has it",
                      python, end.last_line));
    case kNoCompiler:
      throw ConfigError(
          fmt::format("torch.compile: found that it cannot compile ({}); expected a C++ compiler and "
                      "Python's headers; install them, or set CXX to the compiler",
                      end.last_line));
    case kNoGpu:
      throw ConfigError(
          fmt::format("--device: found {}; expected one; ask for cpu, or name another Python", end.last_line));
    default:
      throw std::runtime_error(
          fmt::format("{}: found exit code {} ({}); expected 0; try it with another Python (--python)", script,
                      end.exit_code, end.last_line));
  }
}

}  // namespace alignment::dejavid::bench
