#include "src/programs/dejavid_bench/synthetic_store.hpp"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "io/formats/synthetic/synthetic.hpp"
#include "src/config/error.hpp"
#include "src/programs/dejavid_bench/parts.hpp"

namespace alignment::bench {

std::filesystem::path write_synthetic_store(const std::string& preset, std::int64_t train_samples,
                                            std::int64_t val_samples, const std::filesystem::path& folder) {
  io::SyntheticOptions set = io::synthetic_preset(preset);
  set.train_samples = train_samples;
  set.val_samples = val_samples;
  std::unique_ptr<io::SampleSource> source;
  try {
    source = io::make_synthetic(set);
  } catch (const std::invalid_argument& mistake) {
    throw ConfigError(mistake.what());
  }
  std::filesystem::path store = folder / fmt::format("{}.h5", preset);
  io::write_store(*source, store, {}, "", 0, io::NotFiniteSamples::kRefuse, stop_if_asked);
  return store;
}

}  // namespace alignment::bench
