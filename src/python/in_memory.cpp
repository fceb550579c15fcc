#include "src/python/in_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
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

std::vector<std::pair<std::string, RawValue>> configured(const KeyTable& keys, const std::vector<NamedConfig>& configs,
                                                         const std::string& configuration,
                                                         const std::vector<std::string>& names) {
  const std::unique_ptr<SharedConfig> config = keys.make_config();
  GivenKeys given;
  apply_configuration(keys, configs, configuration, *config, given);
  keys.apply_profile(*config, given);
  for (const Key& key : keys.keys()) {
    const bool is_of_training = (key.owner == KeyOwner::kModel || key.owner == KeyOwner::kRun) && key.section != "eval";
    const bool is_said = is_of_training && !(key.value(*config) == keys.default_of(key));
    if (!is_said || std::ranges::find(names, key.full_name()) != names.end()) continue;
    throw ConfigError(fmt::format("{}:{}: found {}; expected {}, as no parameter is the same here; leave it out",
                                  configuration, key.full_name(), toml_text(key.value(*config)),
                                  toml_text(keys.default_of(key))));
  }
  std::vector<std::pair<std::string, RawValue>> values;
  for (const std::string& name : names) values.emplace_back(name, keys.find(name)->value(*config));
  return values;
}

Dataset dataset_in_memory(const io::MemorySamples& samples, SampleNeeds needs, const SharedConfig& config) {
  return {limited(io::store_of(samples)), std::move(needs), io::SampleCache::kMemory, config,
          Dataset::wait_for_nothing};
}

}  // namespace alignment::python
