#include "src/dejavid/dataset.hpp"

#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <optional>
#include <utility>

#include "dist/agreement.hpp"
#include "io/errors.hpp"
#include "src/dejavid/device.hpp"
#include "src/run/failure.hpp"
#include "src/run/log.hpp"

namespace dejavid {
namespace {

/// Bytes that this host could still give to programs; 0 where the system does not say.
std::int64_t available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::int64_t kibibytes = 0;
  while (meminfo >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

io::SampleCache choose_cache(const io::TseStore& store, CacheChoice choice, dist::Communicator& communicator) {
  if (choice == CacheChoice::kMemory) return io::SampleCache::kMemory;
  if (choice != CacheChoice::kAuto) return io::SampleCache::kNone;
  // In the course of the epochs every rank comes by every sample, so each of a host's ranks may end up holding all of
  // them.
  std::int64_t steps = 0;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) steps += store.length(sample);
  const std::int64_t wanted = steps * kernels::padded_features(store.feature_dim()) *
                              static_cast<std::int64_t>(sizeof(float)) * communicator.topology().local_size;
  std::int32_t fits = wanted <= available_bytes() / 2 ? 1 : 0;
  communicator.all_reduce(std::span(&fits, 1), dist::Reduction::kMin);
  if (fits == 0) {
    log_info(fmt::format(
        "features: {:.1f} GiB for the ranks of this host would fill more than half of what is free, so they "
        "are read from the store each epoch",
        static_cast<double>(wanted) / (1U << 30U)));
  }
  return fits == 1 ? io::SampleCache::kMemory : io::SampleCache::kNone;
}

}  // namespace

Dataset::Dataset(io::TseStore opened, bool in_blocks, io::SampleCache cache, bool keep_on_device, int prefetch)
    : store(std::move(opened)),
      blocked(in_blocks),
      stream(store, cache, prefetch, in_blocks ? &kBlockedLayout : nullptr),
      kept_on_device(keep_on_device) {}

Dataset Dataset::open(const Config& config, dist::Communicator& communicator, Device* device, DatasetUse use) {
  std::optional<io::TseStore> store;
  agreed(communicator, [&] { store.emplace(config.data.store); });
  const bool same = dist::same_on_all_ranks(communicator, store->identity());
  agreed(communicator, [&] {
    if (!same) {
      throw io::StoreError(
          fmt::format("{}: ranks opened stores of different content; expected the same store on every "
                      "host; check the path on each host",
                      config.data.store.front().string()));
    }
  });
  for (const auto& file : store->files_without_digests()) {
    log_info(fmt::format("{}: has no digests, so the content of its features is not checked", file.string()));
  }
  const bool on_device = use == DatasetUse::kTraining && device->keeps_features(*store);
  const io::SampleCache cache =
      on_device ? io::SampleCache::kNone : choose_cache(*store, config.data.cache, communicator);
  const bool in_blocks = device != nullptr && device->reads_blocks();
  return {std::move(*store), in_blocks, cache, on_device, static_cast<int>(config.data.prefetch)};
}

EvaluationSplit choose_split(const io::TseStore& store, EvalSplit choice) {
  const auto samples_of = [&](io::Split split, const char* name) {
    return EvaluationSplit{split, name, store.samples_of(split)};
  };
  if (choice == EvalSplit::kTrain) return samples_of(io::Split::kTrain, "train");
  if (choice == EvalSplit::kTest) return samples_of(io::Split::kTest, "test");
  EvaluationSplit validation = samples_of(io::Split::kValidation, "val");
  if (choice == EvalSplit::kAuto && validation.samples.empty()) return samples_of(io::Split::kTest, "test");
  return validation;
}

}  // namespace dejavid
