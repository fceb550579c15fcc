#include "src/dejavid/evaluation/finding.hpp"

#include <fmt/format.h>

#include "kernels/slope.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/drawing/alignment_picture.hpp"
#include "src/drawing/ticks.hpp"

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

namespace {

/// The predicted class, and the one to compare it with.
std::vector<std::int32_t> compared_classes(const Finding& found, const Comparison& comparison) {
  using With = Comparison::With;
  std::int32_t other = found.prediction;
  if (comparison.with == With::kOwnWhereWrong && found.is_wrong()) other = found.label;
  if (comparison.with == With::kClass) other = comparison.label;
  if (comparison.with == With::kNearestOther && found.distances.size() > 1) {
    other = nearest_other(found.distances, found.prediction);
  }
  if (other == found.prediction) return {found.prediction};
  return {found.prediction, other};
}

}  // namespace

Finding look_at(Dataset& dataset, std::int64_t sample, Aligner& aligner, const Model& model, const Config& config,
                const Comparison& comparison) {
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
  found.alignments = align_sample(model, rows, compared_classes(found, comparison));
  if (store.has_timestamps()) found.seconds = store.read_timestamps(sample);
  if (store.has_frame_labels()) found.phases = store.read_frame_labels(sample);
  found.phase_names = store.phase_names();
  return found;
}

std::vector<double> frame_costs(const ClassAlignment& one, std::int64_t length) {
  std::vector<double> costs(static_cast<std::size_t>(length));
  for_each_cell(one, length,
                [&](std::int64_t, std::int64_t frame, double cost) { costs[static_cast<std::size_t>(frame)] += cost; });
  return costs;
}

std::vector<double> lead_of_prediction(const Finding& found) {
  if (found.alignments.size() < 2) return {};
  const std::vector<double> predicted = frame_costs(found.alignments[0], found.length);
  std::vector<double> lead = frame_costs(found.alignments[1], found.length);
  double sum = 0;
  for (std::size_t frame = 0; frame < lead.size(); ++frame) lead[frame] = sum += lead[frame] - predicted[frame];
  return lead;
}

std::optional<std::int64_t> ahead_from(const std::vector<double>& lead) {
  std::size_t first = lead.size();
  while (first > 0 && lead[first - 1] > 0) --first;
  if (first == lead.size()) return std::nullopt;
  return static_cast<std::int64_t>(first);
}

std::string verdict(const Finding& found, const Model& model) {
  const std::string& predicted = name_of(model, found.prediction);
  if (found.is_wrong()) return fmt::format("{} taken for {}", found.class_name, predicted);
  if (found.is_known()) return fmt::format("{}, rightly", predicted);
  if (found.class_name.empty()) return fmt::format("{}, whether rightly is not known", predicted);
  return fmt::format("{}; it is {}, which the model does not know", predicted, found.class_name);
}

namespace {

/// ": above 0 from step 12 (0.48 s) on".
std::string from_then_on(const Finding& found, const std::vector<double>& lead) {
  const std::optional<std::int64_t> first = ahead_from(lead);
  if (!first) return "";
  std::string text = fmt::format(": above 0 from step {}", *first);
  if (!found.seconds.empty()) {
    text += fmt::format(" ({})", drawing::seconds_text(found.seconds[static_cast<std::size_t>(*first)]));
  }
  return text + " on";
}

}  // namespace

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
  if (std::vector<double> lead = lead_of_prediction(found); !lead.empty()) {
    picture.line = {fmt::format("What {} has cost more than {} by the end of each step{}",
                                name_of(model, found.alignments[1].label), name_of(model, found.prediction),
                                from_then_on(found, lead)),
                    std::move(lead)};
  }
  return drawing::to_svg(picture);
}

}  // namespace alignment::dejavid
