#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/store/memory_samples.hpp"
#include "src/config/keys/keys.hpp"
#include "src/config/keys/raw_value.hpp"
#include "src/config/named_config.hpp"
#include "src/training/samples/dataset.hpp"

/// What settings and data sets are for samples in the memory of the caller's process. Nothing here knows Python.
namespace alignment::python {

/// A setting as a caller names it: "lr" for the key "train.lr".
struct Setting {
  std::string name, key;
  RawValue value;
};

/// Lays the settings over `config`, which becomes one for samples in memory and the CPU. Throws ConfigError, which
/// names the setting as the caller does.
void lay_over(const KeyTable& keys, const std::vector<Setting>& settings, SharedConfig& config);

/// The values that these keys have under a configuration: one of `configs` by its name, or a TOML file. Throws
/// ConfigError, also where it says something else of what is learned.
[[nodiscard]] std::vector<std::pair<std::string, RawValue>> configured(const KeyTable& keys,
                                                                       const std::vector<NamedConfig>& configs,
                                                                       const std::string& configuration,
                                                                       const std::vector<std::string>& names);

/// The samples as a data set, whose messages name "X[i]". Their rows must outlive it. Throws std::invalid_argument.
[[nodiscard]] Dataset dataset_in_memory(const io::MemorySamples& samples, SampleNeeds needs,
                                        const SharedConfig& config);

}  // namespace alignment::python
