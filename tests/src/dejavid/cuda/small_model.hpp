#pragma once

#include <random>

#include "src/dejavid/model/model.hpp"
#include "src/training/samples/dataset.hpp"

namespace alignment::dejavid {

/// A model of three steps for the dataset's classes and features, with their slopes where it has them; its numbers are
/// drawn, always the same.
inline Model small_model(const Dataset& dataset) {
  Model model;
  model.classes = dataset.store.class_count();
  model.steps = 3;
  model.feature_dim = dataset.feature_dim();
  model.slope = dataset.needs.slopes;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (std::int64_t n = 0; n < model.element_count(); ++n) {
    model.centroids.push_back(normal(generator));
    model.log_weights.push_back(normal(generator));
  }
  return model;
}

}  // namespace alignment::dejavid
