#include "src/python/embedder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "dist/communicator.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/alignment/picture.hpp"
#include "src/lrprop/config/config.hpp"
#include "src/lrprop/config/config_keys.hpp"
#include "src/lrprop/embedding.hpp"
#include "src/lrprop/model/new_model.hpp"
#include "src/lrprop/network/torch_thread.hpp"
#include "src/lrprop/samples/pairs.hpp"
#include "src/lrprop/samples/plain_rows.hpp"
#include "src/lrprop/trainee.hpp"
#include "src/training/loop.hpp"

namespace alignment::python {
namespace {

using namespace lrprop;  // NOLINT(google-build-using-namespace): this file wraps that system

std::vector<EmbeddedVideo> embedded(const ModelContent& content, const io::MemorySamples& videos,
                                    const std::string& configuration, int threads) {
  const BorrowedThread borrowed;
  Config config = from_toml(configuration, "configuration");
  config.model.embedding = content.sizes.embedding;
  const std::unique_ptr<dist::Communicator> communicator = dist::make_self_communicator();
  Dataset dataset = dataset_in_memory(videos, {&kPlainRows, {}}, config);
  const Network network = embedding_network(content, config, nullptr, threads);
  std::vector<EmbeddedVideo> all;
  const std::int64_t count = dataset.store.sample_count();
  for (std::int64_t next = 0; next < count;) {  // as many at a time as there are threads
    throw_if_asked_to_stop();
    std::vector<std::int64_t> some;
    while (next < count && std::ssize(some) < threads) some.push_back(next++);
    for (EmbeddedVideo& video : embed_videos(dataset, some, network, config, threads, *communicator)) {
      all.push_back(std::move(video));
    }
  }
  return all;
}

}  // namespace

std::string embedder_configuration(const std::vector<Setting>& settings) {
  Config config;
  lay_over(key_table(), settings, config);
  return to_toml(config);
}

ModelContent train_embedder(const io::MemorySamples& videos, const std::string& configuration, int threads) {
  const BorrowedThread borrowed;
  const Config config = from_toml(configuration, "configuration");
  check_sizes(config);
  const std::unique_ptr<dist::Communicator> communicator = dist::make_self_communicator();
  Dataset dataset = dataset_in_memory(videos, {&kPlainRows, {}}, config);
  const std::unique_ptr<PairCurriculum> curriculum = drawn_pairs(dataset.store, config);
  for (const std::string& line : known_to_collapse(config)) log_warning(line);

  PhaseClock phases;
  LrpropTrainee trainee(config, *communicator, dataset, *curriculum, new_model(dataset, *communicator, config), nullptr,
                        phases, threads, nullptr, nullptr);
  const LoopSettings settings = loop_settings(config, communicator->size());
  RunRecord nothing;
  TrainingLoop loop(settings, *communicator, dataset.store, *curriculum, trainee, nothing, phases, std::nullopt);
  if (!loop.run_to(config.train.epoch_count())) throw StopRequested("asked to stop");
  return trainee.content(loop.course());
}

std::vector<std::vector<float>> embed(const ModelContent& content, const io::MemorySamples& videos,
                                      const std::string& configuration, int threads) {
  std::vector<std::vector<float>> rows;
  for (EmbeddedVideo& video : embedded(content, videos, configuration, threads)) rows.push_back(std::move(video.rows));
  return rows;
}

AlignedVideos align_videos(const ModelContent& content, const io::MemorySamples& videos,
                           const std::array<std::string, 2>& names, const std::string& configuration, int threads) {
  std::vector<EmbeddedVideo> both = embedded(content, videos, configuration, threads);
  for (std::size_t n = 0; n < names.size(); ++n) both.at(n).id = names[n];
  AlignedVideos aligned{lrprop::align_videos(both[0], both[1]), {}};
  const AlignmentOptions nothing;
  aligned.svg = draw_alignment(both[0], both[1], aligned.alignment,
                               summarize(both[0], both[1], aligned.alignment, nothing), nothing);
  return aligned;
}

}  // namespace alignment::python
