#pragma once

#include <cstddef>
#include <string>

#include "src/dejavid/commands/judgement.hpp"
#include "src/dejavid/report/model_pictures.hpp"

namespace alignment::dejavid {

/// Samples that a report shows.
inline constexpr std::size_t kHardSamples = 6;

/// The hardest samples of a judgement, each against its class and against the nearest other: costs, paths, distances,
/// and the features that make the difference; html. Reads them from the store; of rank 0. Throws as read_sample().
[[nodiscard]] std::string hard_samples_section(const Judgement& judgement, io::TseStore& store, const Model& model,
                                               const FeatureNames& names);

}  // namespace alignment::dejavid
