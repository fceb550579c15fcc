#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dist/communicator.hpp"
#include "src/config/keys/keys.hpp"
#include "src/dejavid/commands/class_report.hpp"
#include "src/dejavid/device.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/model/model.hpp"
#include "src/dejavid/model/model_file.hpp"
#include "src/training/samples/dataset.hpp"

/// A model judged on a split: what eval tells, and the report.
namespace alignment::dejavid {

struct Config;

/// A model (model.init) and the data that it is to be tried on. Made collectively.
struct ModelOnSplit {
  ModelOnSplit(Config& config, const GivenKeys& given, dist::Communicator& communicator);

  std::unique_ptr<Device> device;
  ModelContent content;
  Dataset dataset;
  Model model;
  EvaluationSplit split;
  std::unique_ptr<Aligner> aligner;
};

/// Everything that is told of an evaluation.
struct Judgement {
  EvaluationSplit split;  ///< the samples that count
  LeftOut left_out;
  Baseline baseline;
  Evaluation evaluation;
  std::vector<std::string> class_names;
  std::string validated_on;    ///< as ModelContent has it
  std::int64_t epoch, epochs;  ///< that the model is of, from 0, and that its run trains for
};

/// Collective. `hardest`: how many of the hardest samples to find. Throws dist::AgreedFailure, also where no sample can
/// be right or wrong.
[[nodiscard]] Judgement judge(ModelOnSplit& tried, const Config& config, dist::Communicator& communicator,
                              std::size_t hardest = 0);

[[nodiscard]] std::string to_text(const Judgement& judgement);
[[nodiscard]] nlohmann::ordered_json to_json(const Judgement& judgement);

/// Whether these samples had a part in choosing the model; empty where its file does not say. Of a run's models only
/// the best is of another epoch than the last.
[[nodiscard]] std::string part_in_choosing(const Judgement& judgement);

/// "12 of classes that the model does not know (dance 12)".
[[nodiscard]] std::string text_of(const LeftOut& left_out);

}  // namespace alignment::dejavid
