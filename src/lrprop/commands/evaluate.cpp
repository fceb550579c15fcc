#include <nlohmann/json.hpp>

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

void run_evaluation(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const std::string stored = asked.option("embeddings");
  if (!stored.empty()) config.data.store = {stored};
  const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
  const std::optional<io::ResultFile> json =
      open_result(asked.option("json"), inputs_of(config), config.dist.timeout(), communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = open_dataset(config, communicator);

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
    results = evaluate_beside_baselines(embedded, dataset, config, threads, communicator);
  }
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    if (!json || !json->is_standard_output()) io::write_standard_output(table(results));
    if (json) write_result(*json, to_json(results).dump(2) + "\n", config.dist.timeout());
  });
}

}  // namespace alignment::lrprop
