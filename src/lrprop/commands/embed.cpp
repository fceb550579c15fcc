#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "io/store/tse_writer.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/job/terminal/progress.hpp"
#include "src/lrprop/commands/command_setup.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/embedding.hpp"
#include "src/lrprop/model/model_setup.hpp"

namespace alignment::lrprop {

void run_embedding(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const std::filesystem::path out = asked.option("out");
  const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = open_dataset(config, communicator, io::ClassMatching::kUnion);
  const ModelContent content = load_model(config, asked.given, dataset, communicator);
  const Network network = embedding_network(content, config, gpu.get(), threads);
  io::TseStore& store = dataset.store;

  std::unique_ptr<io::TseWriter> writer;
  const std::vector<std::int64_t> kept = kept_videos(store);
  const bool unlabelled =
      std::any_of(kept.begin(), kept.end(), [&](std::int64_t sample) { return store.label(sample) == io::kNoLabel; });
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    io::TseStoreHeader header;
    header.feature_dim = content.sizes.embedding;
    header.class_names = store.class_names();
    header.encoder = fmt::format("lrprop_dist, model digest {:016x}", digest_of(content));
    header.source = fmt::format("frame embeddings of {}", config.data.store.front().filename().string());
    header.unlabelled = unlabelled;
    header.phase_names = store.phase_names();
    writer = std::make_unique<io::TseWriter>(out, header);
  });
  // Some videos at a time, so that no rank holds all of them.
  constexpr std::size_t kVideos = 64;
  Progress progress(communicator.is_root() ? config.run.progress : ProgressChoice::kOff, "embedding", std::ssize(kept),
                    "videos");
  for (std::size_t first = 0; first < kept.size(); first += kVideos) {
    agreed(communicator, throw_if_asked_to_stop);
    const std::span<const std::int64_t> some = std::span(kept).subspan(first, std::min(kVideos, kept.size() - first));
    const std::vector<std::int64_t> samples(some.begin(), some.end());
    const std::vector<EmbeddedVideo> videos = embed_videos(dataset, samples, network, config, threads, communicator);
    agreed(communicator, [&] {
      if (!writer) return;
      for (const EmbeddedVideo& video : videos) {
        writer->append({video.id, video.label, video.split, video.rows, video.frame_labels, video.timestamps, ""});
      }
    });
    progress.advance(static_cast<std::int64_t>(samples.size()));
  }
  progress.finish();
  agreed(communicator, [&] {
    if (writer) writer->finish();
  });
  log_info(fmt::format("embeddings: {} videos, {} numbers a frame, in {}", kept.size(), content.sizes.embedding,
                       out.string()));
}

}  // namespace alignment::lrprop
