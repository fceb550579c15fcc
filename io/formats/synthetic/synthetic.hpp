#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/formats/sample_source.hpp"

namespace alignment::io {

/// How long synthetic samples are: uniform in shortest..longest, or log-normal around `median` where that is set, cut
/// to the range.
struct LengthRule {
  std::int64_t shortest = 0, longest = 0;
  double median = 0;
};

/// A synthetic set, ready to be drawn.
struct SyntheticOptions {
  std::string name;  ///< for the store's `source`
  std::int64_t classes = 0, features = 0;
  LengthRule length;
  std::int64_t train_samples = 0, val_samples = 0;
  std::uint64_t seed = 0;
};

/// Names of the presets: hmdb51, k400, ssv2 (the paper's shapes) and order (a small one).
[[nodiscard]] const std::vector<std::string>& synthetic_presets();
/// A preset's classes, features and lengths; sample counts and seed are left for the caller. Throws
/// std::invalid_argument.
[[nodiscard]] SyntheticOptions synthetic_preset(const std::string& name);

/// Samples that only the order of their events tells apart.
///
/// A few event vectors in R^F are shared by all classes; a class is the order in which its samples play them. How long
/// each event lasts is drawn without looking at class or event, and every step gets its own noise,
/// stronger in some features than in others. So the mean over
/// time has one and the same distribution for every class: what averages over time - also over the last C features,
/// which stand for an encoder's logits - is at chance. Sample n of a split depends on (seed, split, n) only, not on how
/// many samples are drawn; its label is n mod C. A sample with fewer steps than events plays a random subset of them,
/// still in its class's order. Throws std::invalid_argument for counts that make no set, such as fewer training samples
/// than classes.
[[nodiscard]] std::unique_ptr<SampleSource> make_synthetic(const SyntheticOptions& options);

}  // namespace alignment::io
