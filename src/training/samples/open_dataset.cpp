#include "src/training/samples/dataset.hpp"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "dist/agreement.hpp"
#include "dist/text.hpp"
#include "io/bytes/first_few.hpp"
#include "io/bytes/utf8.hpp"
#include "io/errors.hpp"
#include "src/job/agreed.hpp"
#include "src/job/file_deadline.hpp"
#include "src/job/share_progress.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/training/samples/schedule.hpp"

namespace alignment {
namespace {

/// Bytes that this host could still give to programs, where the system says so.
std::optional<std::int64_t> available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::int64_t kibibytes = 0;
  while (meminfo >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

/// Refuses ranks that read different content, or phases or times, as `what` says, by the digest `mine` of it, and says
/// whose differs from rank 0's.
void require_same_content(std::uint64_t mine, std::string_view what, const std::filesystem::path& file,
                          dist::Communicator& communicator) {
  if (dist::same_on_all_ranks(communicator, mine)) return;
  const std::vector<std::uint64_t> digests = communicator.gather(std::span<const std::uint64_t>(&mine, 1));
  const std::vector<std::string> hosts = dist::gather_text(communicator, communicator.topology().host);
  agreed(communicator, [&] {  // what rank 0 says is what is told
    std::size_t other = 0;
    while (other + 1 < digests.size() && digests[other] == mine) ++other;
    throw io::StoreError(
        communicator.is_root()
            ? fmt::format("{}: found stores of different {} (digest {:016x} on rank 0, {}; {:016x} on rank {}, {}); "
                          "expected the same store on every host; check the path on each host",
                          file.string(), what, mine, hosts[0], digests[other], other, hosts[other])
            : file.string());
  });
}

/// What is wrong with a sample that is left out.
std::string describe_bad(io::TseStore& store, std::int64_t sample) {
  const auto found = store.find_not_finite(sample);
  return found ? fmt::format("{}: {} at step {}, feature {}", store.describe(sample), found->value, found->step,
                             found->feature)
               : store.describe(sample);
}

/// data.bad_samples = "skip": leaves out, on every rank alike, the samples with a feature that is not finite. Each rank
/// reads its share of the store.
void leave_out_bad_samples(io::TseStore& store, const SharedConfig& config, dist::Communicator& communicator) {
  const Share share = share_of(store.sample_count(), 1, communicator.rank(), communicator.size());
  std::vector<std::uint8_t> bad(static_cast<std::size_t>(store.sample_count()), 0);
  Progress progress = progress_of_share(communicator, config.run.progress, "looking for bad samples",
                                        share.last - share.first, "samples");
  agreed(communicator, [&] {
    for (std::int64_t sample = share.first; sample < share.last; ++sample) {
      throw_if_asked_to_stop();
      Dataset::wait_for_files(config.dist.timeout(),
                              [&] { bad[static_cast<std::size_t>(sample)] = store.find_not_finite(sample) ? 1 : 0; });
      progress.advance(1);
    }
  });
  progress.finish();
  communicator.all_reduce(std::span(bad), dist::Reduction::kMax);

  std::vector<std::int64_t> left_out;
  for (std::size_t sample = 0; sample < bad.size(); ++sample) {
    if (bad[sample] != 0) left_out.push_back(static_cast<std::int64_t>(sample));
  }
  store.leave_out(left_out);
  agreed(communicator, [&] {
    if (left_out.empty() || !communicator.is_root()) return;
    io::FirstFew shown;
    for (const std::int64_t sample : left_out) {
      shown.add(shown.count() < io::FirstFew::kShown ? describe_bad(store, sample) : std::string());
    }
    log_warning(fmt::format("data.bad_samples = \"skip\": left out {} of {} samples, which are not finite: {}",
                            left_out.size(), bad.size(), shown.text()));
  });
}

io::SampleCache choose_cache(const io::TseStore& store, CacheChoice choice, const io::SampleLayout* layout,
                             dist::Communicator& communicator) {
  if (choice == CacheChoice::kMemory) return io::SampleCache::kMemory;
  if (choice != CacheChoice::kAuto) return io::SampleCache::kNone;
  // In the course of the epochs every rank comes by every sample, so each of a host's ranks may end up holding all of
  // them.
  std::int64_t elements = 0;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) {
    const std::int64_t length = store.length(sample), feature_dim = store.feature_dim();
    elements += layout != nullptr ? layout->count(length, feature_dim) : length * feature_dim;
  }
  const std::int64_t wanted = elements * static_cast<std::int64_t>(sizeof(float)) * communicator.topology().local_size;
  const std::optional<std::int64_t> available = available_bytes();
  const bool fits = dist::on_all_ranks(communicator, available && wanted <= *available / 2);
  if (!fits && !available) {
    log_info(
        "features: /proc/meminfo does not say how much memory is free, so they are read from the store each epoch; "
        "data.cache = \"memory\" keeps them");
  } else if (!fits) {
    log_info(fmt::format(
        "features: {:.1f} GiB for the ranks of this host would fill more than half of what is free, so they "
        "are read from the store each epoch",
        static_cast<double>(wanted) / (1U << 30U)));
  }
  return fits ? io::SampleCache::kMemory : io::SampleCache::kNone;
}

}  // namespace

void Dataset::wait_for_files(std::chrono::duration<double> timeout, const std::function<void()>& work) {
  const dist::Deadline deadline = waiting_for_files("a read of the store", timeout);
  work();
}

Dataset Dataset::open(const SharedConfig& config, dist::Communicator& communicator, const FindSampleNeeds& find_needs,
                      io::ClassMatching matching) {
  std::optional<io::TseStore> store;
  agreed(communicator,
         [&] { wait_for_files(config.dist.timeout(), [&] { store.emplace(config.data.store, matching); }); });
  store->limit_features(kLargestFeature);
  require_same_content(store->identity(), "content", config.data.store.front(), communicator);
  if (config.data.bad_samples == BadSamples::kSkip) {
    leave_out_bad_samples(*store, config, communicator);
  }
  agreed(communicator, [&] { tell_mixed_encoders(*store); });
  for (const auto& file : store->files_without_digests()) {
    log_info(fmt::format("{}: has no digests, so the content of its features is not checked", file));
  }
  SampleNeeds needs;
  if (find_needs) needs = find_needs(*store);
  const io::SampleCache cache =
      needs.kept_elsewhere.empty() ? choose_cache(*store, config.data.cache, stream_layout(*store, needs), communicator)
                                   : io::SampleCache::kNone;
  return {std::move(*store), std::move(needs), cache, config, wait_for_files};
}

void require_same_phases_and_times(const io::TseStore& store, const SharedConfig& config,
                                   dist::Communicator& communicator) {
  std::uint64_t phases = 0, times = 0;
  agreed(communicator, [&] {
    Dataset::wait_for_files(config.dist.timeout(), [&] {
      phases = store.phase_identity();
      times = store.time_identity();
    });
  });
  require_same_content(phases, "phases", config.data.store.front(), communicator);
  require_same_content(times, "timestamps", config.data.store.front(), communicator);
}

}  // namespace alignment
