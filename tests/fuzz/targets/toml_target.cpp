#include "src/config/error.hpp"
#include "src/config/toml.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "tests/fuzz/target.hpp"

namespace alignment::fuzz {

const char* const kFormat = "toml";

std::vector<std::string> seeds() {
  return {
      "[data]\nstore = [\"a.h5\", 'b.h5']\n\n[model]\nsteps = 8 # K\nlearn_weights = false\n\n[train]\nlr = 1e-3\n"
      "batch_size = 1_000\nrefresh = \"batch\"\n",
      "train.epochs = 3\nrun = {dir = \"runs/a\", resume = \"auto\"}\n[dist]\ntimeout_s = 0x10\n",
      "train . epochs = 3\nrun.\"dir\" = '''p.q'''\n",
      "[run]\ndir = \"\"\"\\\n  runs/\\u00e4\"\"\"\n",
  };
}

bool reads(std::string_view input, const std::filesystem::path& folder) {
  const auto file = folder / "input.toml";
  return returns<ConfigError>(file, [&] {
    dejavid::Config config;
    GivenKeys given;
    apply_toml(dejavid::key_table(), input, file.string(), config, given);
  });
}

}  // namespace alignment::fuzz
