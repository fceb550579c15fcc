#include "src/lrprop/embedding.hpp"

#include <algorithm>
#include <span>

#include "kernels/parallel.hpp"
#include "src/job/agreed.hpp"
#include "src/job/signals/signals.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment::lrprop {
namespace {

/// All but the rows.
EmbeddedVideo described(io::TseStore& store, std::int64_t sample) {
  EmbeddedVideo video;
  video.id = store.id(sample);
  video.split = store.split(sample);
  video.label = store.label(sample);
  if (store.has_frame_labels()) video.frame_labels = store.read_frame_labels(sample);
  if (store.has_timestamps()) video.timestamps = store.read_timestamps(sample);
  return video;
}

}  // namespace

Network embedding_network(const ModelContent& content, const Config& config, const CudaDevice* gpu, int threads) {
  NetworkSettings settings;
  settings.sizes = content.sizes;
  settings.loss = config.loss;
  settings.feature_mean = content.feature_mean;
  settings.feature_scale = content.feature_scale;
  settings.threads = threads;
  if (gpu != nullptr) {
    settings.gpu = gpu->index();
    settings.gpu_kernels = gpu->kernels();
  }
  return {std::move(settings), content.weights, content.statistics};
}

std::vector<std::int64_t> kept_videos(const io::TseStore& store) {
  std::vector<std::int64_t> videos;
  for (const io::Split split : {io::Split::kTrain, io::Split::kValidation, io::Split::kTest}) {
    const std::vector<std::int64_t> of_split = store.samples_of(split);
    videos.insert(videos.end(), of_split.begin(), of_split.end());
  }
  std::sort(videos.begin(), videos.end());
  return videos;
}

std::vector<EmbeddedVideo> stored_videos(io::TseStore& store, const std::vector<std::int64_t>& samples) {
  std::vector<EmbeddedVideo> videos;
  for (const std::int64_t sample : samples) {
    throw_if_asked_to_stop();
    EmbeddedVideo& video = videos.emplace_back(described(store, sample));
    video.width = store.feature_dim();
    video.rows.resize(static_cast<std::size_t>(store.length(sample) * video.width));
    store.read_sample(sample, video.rows.data());
  }
  return videos;
}

std::vector<EmbeddedVideo> network_inputs(io::TseStore& store, const std::vector<std::int64_t>& samples,
                                          const ModelContent& content) {
  std::vector<EmbeddedVideo> videos = stored_videos(store, samples);
  if (content.feature_mean.empty()) return videos;
  const std::size_t width = content.feature_mean.size();
  for (EmbeddedVideo& video : videos) {
    for (std::size_t n = 0; n < video.rows.size(); ++n) {
      video.rows[n] = (video.rows[n] - content.feature_mean[n % width]) / content.feature_scale[n % width];
    }
  }
  return videos;
}

std::vector<EmbeddedVideo> embed_videos(Dataset& dataset, const std::vector<std::int64_t>& samples,
                                        const Network& network, const Config& config, int threads,
                                        dist::Communicator& communicator) {
  io::TseStore& store = dataset.store;
  const std::int64_t width = config.model.embedding;
  std::vector<EmbeddedVideo> videos;
  // The longest first, always to the rank with the least so far.
  const std::vector<int> owners = owners_of_groups(samples, [&](std::int64_t sample) { return store.length(sample); },
                                                   {static_cast<std::int64_t>(samples.size()), 1, communicator.size()});
  agreed(communicator, [&] {
    dataset.wait([&] {
      for (const std::int64_t sample : samples) {
        EmbeddedVideo& video = videos.emplace_back(described(store, sample));
        video.width = width;
        video.rows.assign(static_cast<std::size_t>(store.length(sample) * width), 0.0F);
      }
    });
  });
  agreed(communicator, [&] {
    kernels::cpu::parallel_for(threads, static_cast<std::int64_t>(samples.size()), 1, [&](std::int64_t n, int) {
      const auto at = static_cast<std::size_t>(n);
      if (owners[at] != communicator.rank().value) return;
      const std::int64_t frames = store.length(samples[at]);
      std::vector<float> features(static_cast<std::size_t>(frames * store.feature_dim()));
      store.read_sample(samples[at], features.data());
      videos[at].rows = network.embed(features.data(), frames, config.eval.frames_per_pass);
    });
  });
  for (EmbeddedVideo& video : videos) {
    communicator.all_reduce(std::span(video.rows), dist::Reduction::kSum);  // zeros but on one rank
  }
  return videos;
}

}  // namespace alignment::lrprop
