#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/errors.hpp"
#include "io/result_file.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/lrprop/commands/command_setup.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/embedding.hpp"
#include "src/lrprop/evaluating.hpp"
#include "src/lrprop/evaluation/report.hpp"
#include "src/lrprop/model/model_setup.hpp"

namespace alignment::lrprop {
namespace {

/// Throws io::StoreError where there is nothing to judge.
void require_judged(const io::TseStore& store, const Config& config) {
  const EvaluationSplit judged = choose_split(store, config.eval.split);
  if (!labelled(store, judged).samples.empty()) return;
  const std::size_t trained_on = labelled(store, choose_split(store, EvalSplit::kTrain)).samples.size();
  throw io::StoreError(fmt::format(
      "{}:split: found no {} videos with a label; expected at least one to judge; {}",
      config.data.store.front().string(), config.eval.split == EvalSplit::kAuto ? "val or test" : judged.name,
      trained_on == 0 ? "choose another eval.split, or give videos their labels"
                      : fmt::format("--eval.split train judges the {} train videos", trained_on)));
}

}  // namespace

void run_evaluation(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const std::string stored = asked.option("embeddings");
  if (!stored.empty()) config.data.store = {stored};
  const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
  const std::optional<io::ResultFile> json =
      open_result(asked.option("json"), inputs_of(config), config.dist.timeout(), communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = open_dataset(config, communicator, io::ClassMatching::kUnion);
  agreed(communicator, [&] { require_judged(dataset.store, config); });

  std::vector<EvaluationResult> results;
  if (!stored.empty()) {
    std::vector<EmbeddedVideo> videos;
    agreed(communicator, [&] { videos = stored_videos(dataset.store, evaluated_samples(dataset.store, config)); });
    results.push_back(
        evaluate(videos, evaluation_settings(config, dataset.store, threads), evaluation_watch(config), communicator));
  } else {
    const ModelContent content = load_model(config, asked.given, dataset, communicator);
    const Network network = embedding_network(content, config, gpu.get(), threads);
    const std::vector<EmbeddedVideo> embedded =
        embed_videos(dataset, evaluated_samples(dataset.store, config), network, config, threads, communicator);
    results = evaluate_beside_baselines(embedded, content, dataset, config, threads, communicator);
  }
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!json || !json->is_standard_output()) io::write_standard_output(table(results));
    if (json) write_result(*json, to_json(results).dump(2) + "\n", config.dist.timeout());
  });
}

}  // namespace alignment::lrprop
