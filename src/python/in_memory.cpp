#include "src/python/in_memory.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "src/config/error.hpp"

namespace alignment::python {
namespace {

/// What a configuration names in place of a store.
constexpr const char* kInMemory = "X";

io::TseStore limited(io::TseStore store) {
  store.limit_features(kLargestFeature);
  return store;
}

}  // namespace

void lay_over(const KeyTable& keys, const std::vector<Setting>& settings, SharedConfig& config) {
  config.data.store = {kInMemory};
  config.dist.device = DeviceChoice::kCpu;
  config.run.progress = ProgressChoice::kOff;
  for (const Setting& setting : settings) {
    const Key* const key = keys.find(setting.key);
    if (key == nullptr) throw std::logic_error("no key is called " + setting.key);
    if (!key->assign(config, setting.value)) {
      throw ConfigError(fmt::format("{}: found {}; expected {}; correct it or leave it out", setting.name,
                                    describe_value(setting.value), key->expected));
    }
  }
}

Dataset dataset_in_memory(const io::MemorySamples& samples, SampleNeeds needs, const SharedConfig& config) {
  return {limited(io::store_of(samples)), std::move(needs), io::SampleCache::kMemory, config,
          Dataset::wait_for_nothing};
}

}  // namespace alignment::python
