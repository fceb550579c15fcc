#include "src/python/classifier.hpp"

#include <optional>
#include <utility>

#include "src/dejavid/config/config.hpp"
#include "src/dejavid/config/config_keys.hpp"
#include "src/dejavid/cpu/device.hpp"
#include "src/dejavid/evaluation/evaluator.hpp"
#include "src/dejavid/evaluation/objective.hpp"
#include "src/dejavid/model/data_settings.hpp"
#include "src/dejavid/model/new_model.hpp"
#include "src/dejavid/trainee.hpp"
#include "src/job/signals/signals.hpp"
#include "src/training/loop.hpp"

namespace alignment::python {
namespace {

using namespace dejavid;  // NOLINT(google-build-using-namespace): this room wraps that system

/// One rank that computes on samples in memory.
struct Place {
  Place(const io::MemorySamples& samples, const Config& config, int threads)
      : communicator(dist::make_self_communicator()),
        device(config, *communicator, threads),
        dataset(dataset_in_memory(samples, {device.layout(), {}, config.samples.slope}, config)) {}

  std::unique_ptr<dist::Communicator> communicator;
  CpuDevice device;
  Dataset dataset;
};

/// Where a model is applied.
struct Application {
  Application(const ModelContent& content, const io::MemorySamples& samples, int threads)
      : config(config_of(content, "model")), model(model_of(content)), place(samples, config, threads) {
    aligner = place.device.make_aligner(place.dataset, model);
  }

  Config config;
  Model model;
  Place place;
  std::unique_ptr<Aligner> aligner;
};

/// What suits samples that fit in memory.
Config series() {
  return from_toml(named_config("series").text, "series");
}

}  // namespace

std::string configuration_of(const std::vector<Setting>& settings) {
  Config config = series();
  lay_over(key_table(), settings, config);
  return to_toml(config);
}

ModelContent fit(const io::MemorySamples& samples, const std::string& configuration, int threads) {
  Config config = from_toml(configuration, "configuration");
  Place place(samples, config, threads);
  io::TseStore& store = place.dataset.store;
  store.require_training_samples();
  settle_auto(config, store);
  require_trainable(config, store);

  Model model = barycenter_model(place.dataset, *place.communicator, config, threads);
  PhaseClock phases;
  DejaVidTrainee trainee(config, *place.communicator, place.dataset, model, place.device, phases, nullptr, nullptr);
  const LoopSettings settings = loop_settings(config);
  const SampleCurriculum curriculum(store, config.train.shuffle);
  RunRecord nothing;
  TrainingLoop loop(settings, *place.communicator, store, curriculum, trainee, nothing, phases, std::nullopt);
  if (!loop.run_to(config.train.epochs)) throw StopRequested("asked to stop");

  ModelContent content = content_of(model, config);
  content.validated_on = "none";
  content.epoch = loop.course().last.epoch;
  return content;
}

Predictions predict(const ModelContent& content, const io::MemorySamples& samples, int threads) {
  Application application(content, samples, threads);
  const auto classes = static_cast<std::size_t>(content.classes);
  std::vector<std::int64_t> all;
  for (std::size_t n = 0; n < samples.rows.size(); ++n) all.push_back(static_cast<std::int64_t>(n));
  Predictions predictions;
  predictions.probabilities.resize(all.size() * classes);
  auto batches = cut_batches(all, application.config.train.batch_size);
  const std::size_t batch_count = batches.size();
  application.aligner->start(std::move(batches), PathSource::kLive);
  for (std::size_t k = 0; k < batch_count; ++k) {
    throw_if_asked_to_stop();
    const AlignedBatch batch = application.aligner->next();
    for (std::size_t b = 0; b < batch.samples.size(); ++b) {
      const std::span<const double> distances = batch.distances.subspan(b * classes, classes);
      require_comparable(distances, batch.samples[b], application.place.dataset.store);
      class_probabilities(distances, application.config.train.label_rule(),
                          std::span(predictions.probabilities).subspan(predictions.distances.size(), classes));
      predictions.distances.insert(predictions.distances.end(), distances.begin(), distances.end());
    }
  }
  return predictions;
}

Alignment align(const ModelContent& content, const io::MemorySamples& samples, const std::string& name, int threads) {
  Application application(content, samples, threads);
  Alignment alignment{
      look_at(application.place.dataset, 0, *application.aligner, application.model, application.config), {}};
  alignment.finding.id = name;
  alignment.svg = to_svg(alignment.finding, application.model);
  return alignment;
}

std::int64_t sample_features(const ModelContent& content) {
  return content.slope ? content.feature_dim / 2 : content.feature_dim;
}

}  // namespace alignment::python
