#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/store/memory_samples.hpp"
#include "src/dejavid/evaluation/finding.hpp"
#include "src/dejavid/model/model_content.hpp"
#include "src/python/in_memory.hpp"

/// DejaVid in the process of its caller: samples and models in memory, one rank, the CPU. What it logs goes to the
/// thread's log, and it looks whether the thread was asked to stop before every step (src/job). Nothing here knows
/// Python.
namespace alignment::python {

/// The configuration that is built in as "series" under these settings, as TOML. Throws ConfigError, which names the
/// setting as the caller does.
[[nodiscard]] std::string configuration_of(const std::vector<Setting>& settings);

/// Trains on labelled samples, as `dejavid_dist train` does on a store of the same samples in the same order: the same
/// bits. `configuration`: TOML. Throws dist::AgreedFailure, with the exit code that the failure has in programs;
/// ConfigError; io::StoreError; StopRequested where it was asked to stop.
[[nodiscard]] dejavid::ModelContent fit(const io::MemorySamples& samples, const std::string& configuration,
                                        int threads);

/// What a model says of samples.
struct Predictions {
  std::vector<double> distances;      ///< [N,C]
  std::vector<double> probabilities;  ///< [N,C]
};
/// Samples as wide as the model's, without slopes. Throws as fit().
[[nodiscard]] Predictions predict(const dejavid::ModelContent& content, const io::MemorySamples& samples, int threads);

/// One sample's paths to the class that is predicted and, where that is another, to its own; with a picture.
struct Alignment {
  dejavid::Finding finding;
  std::string svg;  ///< what `dejavid_dist align` draws
};
/// Of the only one of `samples`; `name` is what the picture calls it. Throws as fit().
[[nodiscard]] Alignment align(const dejavid::ModelContent& content, const io::MemorySamples& samples,
                              const std::string& name, int threads);

/// Features of a sample that a model takes: without slopes.
[[nodiscard]] std::int64_t sample_features(const dejavid::ModelContent& content);

}  // namespace alignment::python
