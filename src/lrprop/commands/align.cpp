#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dist/text.hpp"
#include "io/bytes/text.hpp"
#include "io/bytes/utf8.hpp"
#include "io/result_folder.hpp"
#include "src/config/error.hpp"
#include "src/job/agreed.hpp"
#include "src/job/environment/environment.hpp"
#include "src/job/result.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/lrprop/alignment/alignment_files.hpp"
#include "src/lrprop/commands/command_setup.hpp"
#include "src/lrprop/commands/commands.hpp"
#include "src/lrprop/embedding.hpp"
#include "src/lrprop/model/model_setup.hpp"

namespace alignment::lrprop {
namespace {

/// The query first, then what it is laid beside.
std::vector<std::int64_t> videos_of(const io::TseStore& store, const Invocation& asked) {
  const std::string expected = fmt::format("the id of one of the store's {} videos", store.sample_count());
  const std::int64_t query = find_sample(store, asked.option("query"), "--query", expected);
  std::vector<std::int64_t> videos{query};
  const std::string with = asked.option("with");
  if (with.empty() || with == "all") {
    for (const std::int64_t video : kept_videos(store)) {
      if (video != query && store.label(video) == store.label(query)) videos.push_back(video);
    }
    if (videos.size() == 1) {
      throw ConfigError(fmt::format("--with: found no other video of the action of \"{}\"; expected one; name others",
                                    io::printable(store.id(query))));
    }
    return videos;
  }
  for (const std::string_view id : io::split_text(with, ',')) {
    const std::int64_t video = find_sample(store, std::string(id), "--with", expected);
    if (std::find(videos.begin(), videos.end(), video) == videos.end()) videos.push_back(video);
  }
  if (videos.size() == 1) throw ConfigError("--with: found the query itself; expected other videos; name them");
  return videos;
}

std::vector<std::int64_t> key_frames_of(const std::string& list, std::int64_t frames) {
  std::vector<std::int64_t> key_frames;
  if (list.empty()) return key_frames;
  for (const std::string_view part : io::split_text(list, ',')) {
    long long frame = -1;
    if (!io::parse_integer(part, frame) || frame < 0 || frame >= frames) {
      throw ConfigError(fmt::format("--key-frames: found \"{}\"; expected frames of the query with commas, 0 to {}",
                                    io::printable(part), frames - 1));
    }
    key_frames.push_back(frame);
  }
  return key_frames;
}

/// Collective. Says so where nothing is carried over.
void tell_what_is_carried(Dataset& dataset, std::int64_t query, const AlignmentOptions& options,
                          dist::Communicator& communicator) {
  if (!options.key_frames.empty()) return;
  bool has_phases = false;
  agreed(communicator, [&] {
    dataset.wait([&] {
      if (!dataset.store.has_frame_labels()) return;
      has_phases = io::has_phases(dataset.store.read_frame_labels(query));
    });
  });
  if (has_phases) return;
  log_info(fmt::format("{} has no phases, so there is nothing to carry over: name frames of it with --key-frames",
                       io::printable(dataset.store.id(query))));
}

}  // namespace

void run_alignment(const Invocation& asked, dist::Communicator& communicator) {
  Config config = asked.config_of<Config>();
  const std::string stored = asked.option("embeddings");
  if (!stored.empty()) config.data.store = {stored};
  const std::unique_ptr<CudaDevice> gpu = choose_device(config, communicator);
  const int threads = thread_count(config.dist, communicator);
  Dataset dataset = open_dataset(config, communicator, io::ClassMatching::kUnion);
  std::vector<std::int64_t> samples;
  AlignmentOptions options;
  std::filesystem::path folder = asked.option("out");
  agreed(communicator, [&] {
    samples = videos_of(dataset.store, asked);
    options.key_frames = key_frames_of(asked.option("key-frames"), dataset.store.length(samples.front()));
    options.phase_names = dataset.store.phase_names();
    if (folder.empty()) folder = "align-" + io::file_name_of(dataset.store.id(samples.front()));
  });
  tell_what_is_carried(dataset, samples.front(), options, communicator);
  std::vector<EmbeddedVideo> videos;
  if (stored.empty()) {
    const ModelContent content = load_model(config, asked.given, dataset, communicator);
    const Network network = embedding_network(content, config, gpu.get(), threads);
    videos = embed_videos(dataset, samples, network, config, threads, communicator);
  } else {
    agreed(communicator, [&] { dataset.wait([&] { videos = stored_videos(dataset.store, samples); }); });
  }
  agreed(communicator, [&] {
    const dist::Deadline deadline = writing_result(config.dist.timeout());
    if (communicator.is_root()) io::make_result_folder(folder);
  });

  // Ranks take turns at the other videos; the overview is rank 0's.
  const EmbeddedVideo& query = videos.front();
  std::string own;
  agreed(communicator, [&] {
    for (std::size_t n = 1; n < videos.size(); ++n) {
      if (static_cast<int>(n) % communicator.size().value != communicator.rank().value) continue;
      throw_if_asked_to_stop();
      const std::string text = to_text(write_alignment(query, videos[n], options, folder));
      own += fmt::format("{} {} {}\n", n, text.size(), text);
    }
  });
  const std::vector<std::string> of_ranks = dist::gather_text(communicator, own);
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    std::map<std::size_t, AlignmentSummary> by_video;
    for (const std::string& text : of_ranks) {
      for (std::size_t at = 0; at < text.size();) {
        std::size_t after = 0;
        const std::size_t video = std::stoul(text.substr(at), &after);
        at += after + 1;
        const std::size_t size = std::stoul(text.substr(at), &after);
        at += after + 1;
        by_video[video] = summary_from_text(std::string_view(text).substr(at, size));
        at += size + 1;
      }
    }
    std::vector<AlignmentSummary> summaries;
    summaries.reserve(by_video.size());
    for (auto& [video, summary] : by_video) summaries.push_back(std::move(summary));
    const dist::Deadline deadline = writing_result(config.dist.timeout());
    write_overview(query, summaries, options, folder);
  });
  log_info(fmt::format("aligned {} with {} {}: {}", query.id, videos.size() - 1,
                       videos.size() == 2 ? "video" : "videos", folder.string()));
}

}  // namespace alignment::lrprop
