#include "src/dejavid/evaluation/finding.hpp"

#include <fmt/format.h>

#include "kernels/slope.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/drawing/alignment_picture.hpp"

namespace alignment::dejavid {

std::vector<float> rows_of(io::TseStore& store, std::int64_t sample, const Model& model) {
  const std::int64_t length = store.length(sample);
  std::vector<float> rows(static_cast<std::size_t>(length * model.feature_dim));
  if (!model.slope) {
    store.read_sample(sample, rows.data());
    return rows;
  }
  std::vector<float> plain(rows.size() / 2);
  store.read_sample(sample, plain.data());
  kernels::cpu::append_slopes(plain.data(), length, store.feature_dim(), rows.data());
  return rows;
}

Finding look_at(Dataset& dataset, std::int64_t sample, Aligner& aligner, const Model& model, const Config& config) {
  io::TseStore& store = dataset.store;
  Finding found;
  found.id = store.id(sample);
  found.class_name = store.class_name(sample);
  found.label = store.label(sample);
  found.split = store.split(sample);
  found.length = store.length(sample);

  aligner.start({{sample}}, PathSource::kLive);
  const AlignedBatch batch = aligner.next();
  found.distances.assign(batch.distances.begin(), batch.distances.end());
  require_comparable(found.distances, sample, store);
  std::vector<double> probabilities(found.distances.size());
  class_probabilities(found.distances, config.train.label_rule(), probabilities);
  smallest_distances(found.distances, std::span(&found.prediction, 1));
  found.confidence = probabilities[static_cast<std::size_t>(found.prediction)];

  const std::vector<float> rows = rows_of(store, sample, model);
  std::vector<std::int32_t> classes{found.prediction};
  if (found.is_wrong()) classes.push_back(found.label);
  found.alignments = align_sample(model, rows, classes);
  if (store.has_timestamps()) found.seconds = store.read_timestamps(sample);
  if (store.has_frame_labels()) found.phases = store.read_frame_labels(sample);
  found.phase_names = store.phase_names();
  return found;
}

std::string verdict(const Finding& found, const Model& model) {
  const std::string& predicted = name_of(model, found.prediction);
  if (found.is_wrong()) return fmt::format("{} taken for {}", found.class_name, predicted);
  if (found.is_known()) return fmt::format("{}, rightly", predicted);
  if (found.class_name.empty()) return fmt::format("{}, whether rightly is not known", predicted);
  return fmt::format("{}; it is {}, which the model does not know", predicted, found.class_name);
}

std::string to_svg(const Finding& found, const Model& model) {
  drawing::AlignmentPicture picture;
  picture.title = fmt::format("{}: {}", found.id, verdict(found, model));
  picture.caption = fmt::format(
      "What each of {} centroid steps would cost at each step of the sample, and the cheapest path; its cost is the "
      "distance to the "
      "class. The bars say how much of it each centroid step costs.",
      model.steps);
  picture.phase_names = found.phase_names;
  for (const ClassAlignment& one : found.alignments) {
    drawing::MatrixPanel panel{
        .title = fmt::format("{}{}: distance {:.4g}", name_of(model, one.label),
                             found.alignments.size() < 2 ? "" : fmt::format(" ({} class)", found.role(one)),
                             found.distances[static_cast<std::size_t>(one.label)]),
        .rows = {"centroid step", model.steps, {}, {}},
        .columns = {fmt::format("step of {}", found.id), found.length, found.seconds, found.phases},
        .values = one.cost,
        .path = {},
        .row_costs = one.step_costs,
        .row_costs_name = "cost of the step"};
    for_each_cell(one, found.length, [&](std::int64_t step, std::int64_t frame, double) {
      panel.path.push_back({step, frame});
    });
    picture.panels.push_back(std::move(panel));
  }
  return drawing::to_svg(picture);
}

}  // namespace alignment::dejavid
