#include "io/store/sample_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <utility>

#include "io/bytes/aligned_memory.hpp"

namespace alignment::io {
namespace {

/// Rounded up so that what follows is aligned to 64 bytes.
std::int64_t aligned_count(std::int64_t elements) {
  return (elements + 15) / 16 * 16;
}

std::int64_t count_rows(std::int64_t length, std::int64_t feature_dim) {
  return length * feature_dim;
}

struct Slot {
  SampleBatch batch;
  AlignedBytes features;  ///< of the samples that are not kept
  std::size_t feature_bytes = 0;
  std::exception_ptr error;
  std::vector<std::size_t> order;  ///< scratch: positions in the batch, as their samples lie in the file
};

}  // namespace

/// The slots go round: free -> being filled by the reader -> ready -> with the consumer -> free.
struct SampleStream::State {
  State(TseStore& store_given, SampleCache cache, int prefetch, const SampleLayout* layout_given)
      : store(store_given),
        layout(layout_given != nullptr ? *layout_given : SampleLayout{count_rows, nullptr}),
        kept(cache == SampleCache::kMemory ? static_cast<std::size_t>(store.sample_count()) : 0) {
    if (prefetch < 1)
      throw std::invalid_argument(fmt::format("a prefetch of {} batches; expected at least 1", prefetch));
    slots.resize(static_cast<std::size_t>(prefetch) + 1);  // one more: the consumer holds one
    for (auto& slot : slots) free.push_back(&slot);
    reader = std::jthread([this](const std::stop_token& stop) { read_ahead(stop); });
  }

  TseStore& store;
  SampleLayout layout;
  // Only the reader touches these.
  FloatPool pool;
  std::vector<const float*> kept;  ///< [samples] features in memory; nullptr where not read yet
  std::vector<float> rows;         ///< scratch: a sample before it is arranged

  std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<std::vector<std::int64_t>> batches;
  std::size_t taken = 0;       ///< batches the reader has begun
  std::size_t delivered = 0;   ///< batches given to the consumer
  std::uint64_t sequence = 0;  ///< counts start(): what is read for an earlier one is dropped
  std::vector<Slot> slots;
  std::vector<Slot*> free;
  std::deque<Slot*> ready;
  Slot* held = nullptr;  ///< what next() returned last

  std::jthread reader;  ///< last, so that it is joined before the rest goes

  void read_ahead(const std::stop_token& stop);
  void fill(Slot& slot, const std::stop_token& stop, std::uint64_t of_sequence);
  [[nodiscard]] std::int64_t element_count(std::int64_t sample) const {
    return layout.count(store.length(sample), store.feature_dim());
  }
  void hand_out(SampleBatch& batch, std::size_t position, const float* features) const;
  float* make_room(Slot& slot) const;
  const float* keep(std::int64_t sample);
  void read(std::int64_t sample, float* destination);
  bool dropped(const std::stop_token& stop, std::uint64_t of_sequence);
};

void SampleStream::State::read_ahead(const std::stop_token& stop) {
  std::unique_lock lock(mutex);
  while (changed.wait(lock, stop, [this] { return taken < batches.size() && !free.empty(); })) {
    Slot& slot = *free.back();
    free.pop_back();
    slot.batch.samples.assign(batches[taken].begin(), batches[taken].end());
    slot.error = nullptr;
    ++taken;
    const auto of_sequence = sequence;
    lock.unlock();
    try {
      fill(slot, stop, of_sequence);
    } catch (...) {
      slot.error = std::current_exception();
    }
    lock.lock();
    if (of_sequence == sequence) {
      ready.push_back(&slot);
    } else {
      free.push_back(&slot);
    }
    changed.notify_all();
  }
}

bool SampleStream::State::dropped(const std::stop_token& stop, std::uint64_t of_sequence) {
  const std::lock_guard lock(mutex);
  return stop.stop_requested() || of_sequence != sequence;
}

void SampleStream::State::fill(Slot& slot, const std::stop_token& stop, std::uint64_t of_sequence) {
  auto& batch = slot.batch;
  batch.labels.clear();
  batch.offsets.assign(1, 0);
  for (const auto sample : batch.samples) {
    batch.labels.push_back(store.label(sample));
    batch.offsets.push_back(batch.offsets.back() + store.length(sample));
  }
  batch.features.assign(layout.halves ? 0 : batch.samples.size(), nullptr);
  batch.halves.assign(layout.halves ? batch.samples.size() : 0, nullptr);
  slot.order.resize(batch.samples.size());
  std::iota(slot.order.begin(), slot.order.end(), std::size_t{0});
  std::sort(slot.order.begin(), slot.order.end(),
            [&](std::size_t a, std::size_t b) { return batch.samples[a] < batch.samples[b]; });
  float* free_room = kept.empty() ? make_room(slot) : nullptr;
  for (const auto position : slot.order) {
    if (dropped(stop, of_sequence)) return;
    const std::int64_t sample = batch.samples[position];
    if (kept.empty()) {
      read(sample, free_room);
      hand_out(batch, position, free_room);
      free_room += aligned_count(element_count(sample));
    } else {
      hand_out(batch, position, keep(sample));
    }
  }
}

void SampleStream::State::hand_out(SampleBatch& batch, std::size_t position, const float* features) const {
  if (layout.halves) {
    batch.halves[position] = reinterpret_cast<const std::uint16_t*>(features);
  } else {
    batch.features[position] = features;
  }
}

/// Room in the slot for every sample of its batch, each aligned.
float* SampleStream::State::make_room(Slot& slot) const {
  std::int64_t elements = 0;
  for (const auto sample : slot.batch.samples) elements += aligned_count(element_count(sample));
  const std::size_t bytes = static_cast<std::size_t>(elements) * sizeof(float);
  if (bytes > slot.feature_bytes) {
    slot.feature_bytes = 0;
    slot.features = allocate_aligned(bytes);
    slot.feature_bytes = bytes;
  }
  return reinterpret_cast<float*>(slot.features.get());
}

/// The sample in memory, read where it is not there yet.
const float* SampleStream::State::keep(std::int64_t sample) {
  const float*& features = kept[static_cast<std::size_t>(sample)];
  if (features == nullptr) {
    float* const room = pool.take(element_count(sample));
    read(sample, room);
    features = room;
  }
  return features;
}

void SampleStream::State::read(std::int64_t sample, float* destination) {
  if (layout.halves) {
    store.read_halves(sample, reinterpret_cast<std::uint16_t*>(destination));
    return;
  }
  if (layout.arrange == nullptr) {
    store.read_sample(sample, destination);
    return;
  }
  const std::int64_t length = store.length(sample), feature_dim = store.feature_dim();
  rows.resize(static_cast<std::size_t>(length * feature_dim));
  store.read_sample(sample, rows.data());
  layout.arrange(rows.data(), length, feature_dim, destination);
}

SampleStream::SampleStream(TseStore& store, SampleCache cache, int prefetch, const SampleLayout* layout)
    : state_(std::make_unique<State>(store, cache, prefetch, layout)) {}

SampleStream::~SampleStream() = default;  // the reader is asked to stop, which it does after the sample at hand

void SampleStream::start(std::vector<std::vector<std::int64_t>> batches) {
  for (const auto& batch : batches) {
    for (const auto sample : batch) {
      if (sample < 0 || sample >= state_->store.sample_count()) {
        throw std::out_of_range(fmt::format("sample {} of a store of {}", sample, state_->store.sample_count()));
      }
    }
  }
  auto& state = *state_;
  const std::lock_guard lock(state.mutex);
  ++state.sequence;
  state.batches = std::move(batches);
  state.taken = state.delivered = 0;
  state.free.insert(state.free.end(), state.ready.begin(), state.ready.end());
  state.ready.clear();
  if (state.held != nullptr) state.free.push_back(std::exchange(state.held, nullptr));
  state.changed.notify_all();
}

const SampleBatch& SampleStream::next() {
  auto& state = *state_;
  std::unique_lock lock(state.mutex);
  if (state.delivered == state.batches.size()) throw std::logic_error("SampleStream::next() past the last batch");
  if (state.held != nullptr) {
    state.free.push_back(std::exchange(state.held, nullptr));
    state.changed.notify_all();
  }
  state.changed.wait(lock, [&] { return !state.ready.empty(); });
  state.held = state.ready.front();
  state.ready.pop_front();
  ++state.delivered;
  if (state.held->error) std::rethrow_exception(state.held->error);
  return state.held->batch;
}

}  // namespace alignment::io
