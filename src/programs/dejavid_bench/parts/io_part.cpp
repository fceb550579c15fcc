// How fast features come out of a store, against the bytes of the same file out of read().

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <utility>

#include "io/formats/synthetic/synthetic.hpp"
#include "io/store/sample_stream.hpp"
#include "io/store/tse_store.hpp"
#include "src/dejavid/config/config.hpp"
#include "src/job/program/whole_number.hpp"
#include "src/job/signals/signals.hpp"
#include "src/job/terminal/log.hpp"
#include "src/programs/dejavid_bench/measuring/measurement.hpp"
#include "src/programs/dejavid_bench/measuring/page_cache.hpp"
#include "src/programs/dejavid_bench/measuring/temporary_folder.hpp"
#include "src/programs/dejavid_bench/parts/parts.hpp"
#include "src/programs/dejavid_bench/problems/synthetic_store.hpp"

namespace alignment::dejavid::bench {
namespace {

struct Options {
  std::string preset = "hmdb51";
  std::int64_t samples = 768;
  std::int64_t batch_size = TrainConfig{}.batch_size;
  std::int64_t repeats = 5;
  std::filesystem::path store;
};

using Batches = std::vector<std::vector<std::int64_t>>;

/// From a file that is not in memory; from one that is; the same by a store that has checked its digests before, as in
/// every epoch but the first.
enum State : std::uint8_t { kCold, kWarm, kLater };
constexpr std::array<const char*, 3> kStateNames{"cold", "warm", "later"};
enum Way : std::uint8_t { kRaw, kSequential, kShuffled };
constexpr std::array<const char*, 3> kWayNames{"raw", "sequential", "shuffled"};

/// What one way of reading took, repeat by repeat.
struct Readings {
  std::vector<double> seconds;
  double cached_share = 0;  ///< the most that lay in memory before any of them
};
using AllReadings = std::map<std::pair<State, Way>, Readings>;

Batches cut(const std::vector<std::int64_t>& samples, std::int64_t batch_size) {
  const auto size = static_cast<std::size_t>(batch_size);
  Batches batches;
  for (std::size_t first = 0; first < samples.size(); first += size) {
    const auto begin = samples.begin() + static_cast<std::ptrdiff_t>(first);
    batches.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, samples.size() - first)));
  }
  return batches;
}

void stream(io::TseStore& store, const Batches& batches) {
  io::SampleStream samples(store, io::SampleCache::kNone);
  samples.start(batches);
  for (const auto& batch : batches) {
    if (samples.next().labels.size() != batch.size())
      throw std::logic_error("a batch is not the one that was asked for");
  }
}

class StoreReading {
 public:
  StoreReading(std::filesystem::path file, Batches sequential, Batches shuffled)
      : file_(std::move(file)), batches_{Batches{}, std::move(sequential), std::move(shuffled)} {}

  /// Everything once.
  void repeat(AllReadings& readings) const {
    read(readings[{kCold, kRaw}], true, [&] { read_raw(file_); });
    for (const Way way : {kSequential, kShuffled}) {
      read(readings[{kCold, way}], true, [&] { open_and_stream(way); });
    }
    read_raw(file_);  // whatever no sample needed
    read(readings[{kWarm, kRaw}], false, [&] { read_raw(file_); });
    for (const Way way : {kSequential, kShuffled}) {
      std::optional<io::TseStore> store;
      read(readings[{kWarm, way}], false, [&] { store = open_and_stream(way); });
      read(readings[{kLater, way}], false, [&] { stream(*store, batches_[way]); });
    }
  }

 private:
  template <typename Work>
  void read(Readings& readings, bool cold, Work&& work) const {
    stop_if_asked();
    if (cold) drop_from_page_cache(file_);
    readings.cached_share = std::max(readings.cached_share, cached_share(file_));
    readings.seconds.push_back(seconds_of(std::forward<Work>(work)));
  }

  io::TseStore open_and_stream(Way way) const {
    io::TseStore store({file_});
    stream(store, batches_[way]);
    return store;
  }

  std::filesystem::path file_;
  std::array<Batches, 3> batches_;  ///< by Way
};

/// What all records of a store share.
Record record_of(const std::string& name, const io::TseStore& store, std::int64_t batch_size) {
  std::int64_t steps = 0;
  for (std::int64_t sample = 0; sample < store.sample_count(); ++sample) steps += store.length(sample);
  Record record;
  record.part = "io";
  record.shape.name = name;
  record.shape.classes = store.class_count();
  record.shape.features = store.feature_dim();
  record.shape.length = static_cast<double>(steps) / static_cast<double>(store.sample_count());
  record.shape.samples = batch_size;
  record.elements = static_cast<double>(steps) * static_cast<double>(store.feature_dim());
  return record;
}

std::vector<Record> records_of(const Record& common, std::int64_t samples, AllReadings& all) {
  std::vector<Record> records;
  for (const auto& [key, readings] : all) {
    const auto [state, way] = key;
    const Summary summary = summarize(readings.seconds);
    Record& record = records.emplace_back(common);
    record.name = fmt::format("{}/{}", kWayNames[way], kStateNames[state]);
    record.variant = kStateNames[state];
    record.seconds = summary.seconds;
    record.spread = summary.spread;
    record.samples_per_s = static_cast<double>(samples) / record.seconds;
    record.cached_share = readings.cached_share;
    if (way == kRaw) continue;
    record.share_of_raw = summarize(all[{state == kCold ? kCold : kWarm, kRaw}].seconds).seconds / record.seconds;
  }
  return records;
}

std::vector<Record> measure_io(const Options& options) {
  install_stop_signals();
  std::optional<TemporaryFolder> folder;
  std::filesystem::path file = options.store;
  if (file.empty()) {
    folder.emplace();
    file = write_synthetic_store(options.preset, options.samples, 0, folder->path());
  }
  const io::TseStore store({file});
  std::vector<std::int64_t> samples(static_cast<std::size_t>(store.sample_count()));
  std::iota(samples.begin(), samples.end(), std::int64_t{0});
  const Batches sequential = cut(samples, options.batch_size);
  std::shuffle(samples.begin(), samples.end(),
               std::mt19937());  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same order in every run
  const StoreReading reading(file, sequential, cut(samples, options.batch_size));

  AllReadings readings;
  for (std::int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    log_info(fmt::format("reading {}, {} of {}", file.string(), repeat + 1, options.repeats));
    reading.repeat(readings);
  }
  Record common =
      record_of(options.store.empty() ? options.preset : file.filename().string(), store, options.batch_size);
  common.bytes = static_cast<std::int64_t>(std::filesystem::file_size(file));
  return records_of(common, store.sample_count(), readings);
}

}  // namespace

void add_io(CLI::App& program, Choice& choice) {
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand(
      "io", "reading a store in batches, in order and shuffled, against reading the bytes of its file");
  command->add_option("--preset", options->preset, "shape of the set: hmdb51 (the default), k400, ssv2 or order")
      ->check(CLI::IsMember(io::synthetic_presets()).description(""))
      ->type_name("NAME");
  const auto add_count = [&](const char* name, std::int64_t& value, const char* text, const char* type) {
    command->add_option(name, value, text)->transform(whole_number(std::int64_t{1}, kMostCount))->type_name(type);
  };
  add_count("--samples", options->samples, "samples of the set to make; default 768", "N");
  add_count("--batch-size", options->batch_size, "samples a batch; default 384", "N");
  add_count("--repeats", options->repeats, "measurements, whose median counts; default 5", "N");
  command->add_option("--store", options->store, "read this store; without it a set is made in $TMPDIR")
      ->type_name("FILE.h5")
      ->excludes("--preset", "--samples");
  add_json_option(*command, choice);
  command->callback([options, &choice] {
    choice.inputs = {options->store};
    choice.measure = [options](dist::Communicator&) { return measure_io(*options); };
  });
}

}  // namespace alignment::dejavid::bench
