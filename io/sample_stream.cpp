#include "io/sample_stream.hpp"

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

namespace dejavid::io {
namespace {

struct Slot {
  SampleBatch batch;
  std::exception_ptr error;
  std::vector<std::size_t> order;  ///< scratch: positions in the batch, as their samples lie in the file
};

}  // namespace

/// The slots go round: free -> being filled by the reader -> ready -> with the consumer -> free.
struct SampleStream::State {
  State(TseStore& store_given, SampleCache cache, int prefetch)
      : store(store_given), kept(cache == SampleCache::kMemory ? static_cast<std::size_t>(store.sample_count()) : 0) {
    if (prefetch < 1)
      throw std::invalid_argument(fmt::format("a prefetch of {} batches; expected at least 1", prefetch));
    slots.resize(static_cast<std::size_t>(prefetch) + 1);  // one more: the consumer holds one
    for (auto& slot : slots) free.push_back(&slot);
    reader = std::jthread([this](const std::stop_token& stop) { read_ahead(stop); });
  }

  TseStore& store;
  std::vector<std::vector<float>>
      kept;  ///< [samples] features in memory; empty where not read yet. Only the reader touches it

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
  const std::int64_t dim = store.feature_dim();
  batch.features.resize(static_cast<std::size_t>(batch.offsets.back() * dim));
  slot.order.resize(batch.samples.size());
  std::iota(slot.order.begin(), slot.order.end(), std::size_t{0});
  std::sort(slot.order.begin(), slot.order.end(),
            [&](std::size_t a, std::size_t b) { return batch.samples[a] < batch.samples[b]; });
  for (const auto position : slot.order) {
    if (dropped(stop, of_sequence)) return;
    read(batch.samples[position], batch.features.data() + batch.offsets[position] * dim);
  }
}

void SampleStream::State::read(std::int64_t sample, float* destination) {
  const auto count = static_cast<std::size_t>(store.length(sample) * store.feature_dim());
  if (kept.empty()) {
    store.read_sample(sample, destination);
    return;
  }
  auto& features = kept[static_cast<std::size_t>(sample)];
  if (features.empty()) {
    store.read_sample(sample, destination);
    features.assign(destination, destination + count);
  } else {
    std::copy(features.begin(), features.end(), destination);
  }
}

SampleStream::SampleStream(TseStore& store, SampleCache cache, int prefetch)
    : state_(std::make_unique<State>(store, cache, prefetch)) {}

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

}  // namespace dejavid::io
