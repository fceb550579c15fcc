#include "grid.hpp"

#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "fibre.hpp"
#include "forbidden_memory.hpp"
#include "matrix.hpp"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace alignment::cuda_shim {
namespace {

constexpr std::size_t kGuardBytes = 1024;
constexpr std::byte kUnwritten{0xff};  // NaN in every type of real
constexpr unsigned kLanes = kWarpLanes;

struct PendingCopy {
  void* to;
  const void* from;
  std::size_t bytes, zero_bytes;
  std::size_t group;  ///< number of the commit that it belongs to
};

void land(const PendingCopy& copy) {
  std::memcpy(copy.to, copy.from, copy.bytes - copy.zero_bytes);
  std::memset(static_cast<std::byte*>(copy.to) + (copy.bytes - copy.zero_bytes), 0, copy.zero_bytes);
}

enum class State : std::uint8_t { kReady, kAtWarpBarrier, kAtBlockBarrier, kAtMemoryBarrier, kDone };

struct BulkCopy {
  void* to;
  const void* from;
  unsigned bytes;
  std::uint64_t* barrier;
};

/// What a barrier in shared memory ("mbarrier") holds; the PTX ISA leaves open how.
struct MemoryBarrier {
  std::uint64_t arrivals : 16, missing_arrivals : 16, biased_bytes : 31, phase : 1;
};
constexpr std::uint64_t kNoBytes = 1U << 30U, kMostBiasedBytes = (1U << 31U) - 1;
constexpr unsigned kMostTransactionBytes = 1U << 20U;  ///< less than these at a time
constexpr unsigned kMostArrivals = 0xfffe;             ///< unset memory has more

struct Thread {
  State state = State::kReady;
  uint3 index = {};
  std::unique_ptr<Fibre> fibre;  ///< from its start to its end

  WarpCall warp_call = WarpCall::kSync;
  unsigned mask = 0;
  int source = -1;
  std::uint64_t value = 0, result = 0;

  BlockCall block_call = BlockCall::kSync;
  int predicate = 0;

  std::vector<PendingCopy> copies;
  std::size_t committed = 0;

  std::uint64_t* awaited = nullptr;  ///< barrier in shared memory
  unsigned awaited_phase = 0;        ///< its parity
};

struct Warp {
  Thread* threads = nullptr;
  unsigned lanes = 0;  ///< 32, fewer in a last, partial warp
  [[nodiscard]] unsigned mask() const { return lanes == kLanes ? ~0U : (1U << lanes) - 1; }
};

class Block {
 public:
  void run(dim3 extents, std::size_t shared_bytes, const std::function<void()>& body, Chance& chance);

  Thread& running() {
    if (running_ == nullptr) fail("a device function was called outside a kernel");
    return *running_;
  }
  void suspend() { running().fibre->suspend(); }
  void* shared() { return shared_.data() + kGuardBytes; }
  /// Whether all `bytes` from `first` on are in the block's dynamic shared memory.
  [[nodiscard]] bool is_shared(const void* first, std::size_t bytes) {
    const auto from = reinterpret_cast<std::uintptr_t>(first), start = reinterpret_cast<std::uintptr_t>(shared());
    return from >= start && from - start <= shared_bytes_ && bytes <= shared_bytes_ - (from - start);
  }
  [[nodiscard]] unsigned running_lane() { return static_cast<unsigned>(&running() - threads_.data()) % kLanes; }
  /// Lanes of the running thread's warp.
  [[nodiscard]] std::size_t running_lanes() {
    const auto first = static_cast<std::size_t>(&running() - threads_.data()) / kLanes * kLanes;
    return std::min<std::size_t>(kLanes, thread_count_ - first);
  }
  [[nodiscard]] bool runs() const { return body_ != nullptr; }
  bool land_at_once() { return chance_->below(4) == 0; }
  void start_copy(const BulkCopy& copy);
  void await(std::uint64_t* barrier, unsigned phase);

 private:
  static void enter(void* block);
  void prepare(dim3 extents, std::size_t shared_bytes);
  void resume(Thread& thread);
  void run_warp(Warp warp);
  bool release_lanes(Warp warp);
  void release_lanes(Warp warp, unsigned mask);
  bool release_block();
  bool release_at_memory_barriers();
  void land_some_copies(bool at_least_one);
  void check_shared() const;

  std::vector<Thread> threads_{kMaxThreads};
  std::vector<std::unique_ptr<Fibre>> idle_fibres_;
  struct alignas(128) SharedMemory : std::array<std::byte, kMaxSharedBytes + 2 * kGuardBytes> {};
  std::unique_ptr<SharedMemory> shared_memory_ = std::make_unique<SharedMemory>();
  SharedMemory& shared_ = *shared_memory_;
  std::size_t thread_count_ = 0, shared_bytes_ = 0;
  int block_result_ = 0;
  Thread* running_ = nullptr;
  const std::function<void()>* body_ = nullptr;
  Chance* chance_ = nullptr;
  std::vector<BulkCopy> bulk_copies_;  ///< under way

  friend int alignment::cuda_shim::block_barrier(BlockCall, int);
};

MemoryBarrier read(const std::uint64_t* barrier) {
  return std::bit_cast<MemoryBarrier>(*barrier);
}

/// Writes a barrier that arrivals or bytes have changed.
void write(std::uint64_t* barrier, MemoryBarrier changed) {
  if (changed.missing_arrivals == 0 && changed.biased_bytes == kNoBytes) {
    changed.phase ^= 1U;
    changed.missing_arrivals = changed.arrivals;
  }
  *barrier = std::bit_cast<std::uint64_t>(changed);
}

void land(const BulkCopy& copy) {
  std::memcpy(copy.to, copy.from, copy.bytes);
  MemoryBarrier barrier = read(copy.barrier);
  barrier.biased_bytes = (barrier.biased_bytes - copy.bytes) & kMostBiasedBytes;
  write(copy.barrier, barrier);
}

Block& block() {
  static auto* const the_block = new Block;  // needed until the process ends
  return *the_block;
}

void Block::enter(void* block) {
  auto& self = *static_cast<Block*>(block);
  while (true) {
    (*self.body_)();
    Thread& thread = *self.running_;
    thread.state = State::kDone;
    thread.fibre->suspend();  // until it is another thread's turn to use this fibre
  }
}

void Block::prepare(dim3 extents, std::size_t shared_bytes) {
  thread_count_ = static_cast<std::size_t>(extents.x) * extents.y * extents.z;
  shared_bytes_ = shared_bytes;
  allow(shared_.data(), shared_.size());
  std::memset(shared_.data(), static_cast<int>(kUnwritten), shared_bytes + 2 * kGuardBytes);
  forbid(shared_.data(), kGuardBytes);
  forbid(shared_.data() + kGuardBytes + shared_bytes, shared_.size() - kGuardBytes - shared_bytes);
  std::size_t next = 0;
  for (unsigned z = 0; z < extents.z; ++z) {
    for (unsigned y = 0; y < extents.y; ++y) {
      for (unsigned x = 0; x < extents.x; ++x) {
        Thread& thread = threads_[next++];
        thread.state = State::kReady;
        thread.index = {x, y, z};
        thread.copies.clear();
        thread.committed = 0;
      }
    }
  }
}

void Block::resume(Thread& thread) {
  if (!thread.fibre) {
    if (idle_fibres_.empty()) {
      thread.fibre = std::make_unique<Fibre>(enter, this);
    } else {
      thread.fibre = std::move(idle_fibres_.back());
      idle_fibres_.pop_back();
    }
  }
  running_ = &thread;
  threadIdx = thread.index;
  thread.fibre->resume();
  running_ = nullptr;
  if (thread.state == State::kDone) idle_fibres_.push_back(std::move(thread.fibre));
}

template <typename Part>
std::array<const Part*, kLanes> parts_of(Warp warp) {
  std::array<const Part*, kLanes> parts;
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    parts[lane] = reinterpret_cast<const Part*>(warp.threads[lane].value);
  return parts;
}

/// Releases the lanes of `mask`, which have all come.
void Block::release_lanes(Warp warp, unsigned mask) {
  const WarpCall call = warp.threads[std::countr_zero(mask)].warp_call;
  if (call == WarpCall::kMultiplyAdd) {
    multiply_add(parts_of<MultiplyAdd>(warp));
  } else if (call == WarpCall::kLoadMatrices || call == WarpCall::kLoadMatricesTransposed) {
    load_matrices(parts_of<LoadMatrices>(warp), call == WarpCall::kLoadMatricesTransposed);
  }
  std::uint64_t ballot = 0;
  for (unsigned lane = 0; lane < warp.lanes; ++lane) {
    if ((mask >> lane & 1U) != 0 && warp.threads[lane].value != 0) ballot |= 1U << lane;
  }
  for (unsigned lane = 0; lane < warp.lanes; ++lane) {
    if ((mask >> lane & 1U) == 0) continue;
    Thread& thread = warp.threads[lane];
    if (thread.warp_call == WarpCall::kShuffle) {
      if (thread.source < 0 || thread.source >= static_cast<int>(kLanes) || (mask >> thread.source & 1U) == 0)
        fail("a shuffle from a lane that does not take part");
      thread.result = warp.threads[thread.source].value;
    } else if (thread.warp_call == WarpCall::kBallot) {
      thread.result = ballot;
    }
    thread.state = State::kReady;
  }
}

/// Releases every group of lanes that has come; whether there was one.
bool Block::release_lanes(Warp warp) {
  bool released = false;
  for (unsigned first = 0; first < warp.lanes; ++first) {
    const Thread& thread = warp.threads[first];
    if (thread.state != State::kAtWarpBarrier) continue;
    const unsigned mask = thread.mask & warp.mask();
    bool complete = true;
    for (unsigned lane = 0; lane < warp.lanes; ++lane) {
      if ((mask >> lane & 1U) == 0) continue;
      const Thread& other = warp.threads[lane];
      complete = complete && other.state == State::kAtWarpBarrier && other.warp_call == thread.warp_call &&
                 (other.mask & warp.mask()) == mask;
    }
    if (complete) {
      release_lanes(warp, mask);
      released = true;
    }
  }
  return released;
}

/// Until every lane is done or at a barrier of the block. Lanes take turns in an order drawn by chance.
void Block::run_warp(Warp warp) {
  while (true) {
    const auto start = static_cast<unsigned>(chance_->below(kLanes));
    const unsigned step = static_cast<unsigned>(chance_->below(kLanes / 2)) * 2 + 1;  // odd: every lane has its turn
    bool waiting = false;
    for (unsigned turn = 0; turn < kLanes; ++turn) {
      const unsigned lane = (start + turn * step) % kLanes;
      if (lane >= warp.lanes) continue;
      Thread& thread = warp.threads[lane];
      if (thread.state == State::kReady) resume(thread);
      waiting = waiting || thread.state == State::kAtWarpBarrier;
    }
    if (!waiting) return;
    if (!release_lanes(warp)) {
      const auto waits_for_copy = [](const Thread& thread) { return thread.state == State::kAtMemoryBarrier; };
      if (std::any_of(warp.threads, warp.threads + warp.lanes, waits_for_copy)) return;
      fail(
          "lanes of a warp wait at a __syncwarp, shuffle or matrix operation that other lanes of its mask never reach");
    }
  }
}

/// Whether there was a barrier to release; otherwise the block is done.
bool Block::release_block() {
  std::size_t at_barrier = 0;
  const Thread* first = nullptr;
  int count = 0;
  for (std::size_t t = 0; t < thread_count_; ++t) {
    const Thread& thread = threads_[t];
    if (thread.state != State::kAtBlockBarrier) continue;
    if (first == nullptr) first = &thread;
    if (thread.block_call != first->block_call) fail("threads of a block wait at different barriers");
    ++at_barrier;
    count += thread.predicate != 0 ? 1 : 0;
  }
  if (at_barrier == 0) return false;
  if (at_barrier != thread_count_) {
    fail(("of " + std::to_string(thread_count_) + " threads of a block " + std::to_string(at_barrier) +
          " wait at a __syncthreads, the others have returned")
             .c_str());
  }
  block_result_ = count;
  for (std::size_t t = 0; t < thread_count_; ++t) threads_[t].state = State::kReady;
  return true;
}

void Block::start_copy(const BulkCopy& copy) {
  if (land_at_once()) {
    land(copy);
  } else {
    bulk_copies_.push_back(copy);
  }
}

void Block::await(std::uint64_t* barrier, unsigned phase) {
  Thread& thread = running();
  while (read(barrier).phase == phase) {
    thread.awaited = barrier;
    thread.awaited_phase = phase;
    thread.state = State::kAtMemoryBarrier;
    suspend();
  }
}

/// Whether there was a thread to release.
bool Block::release_at_memory_barriers() {
  bool released = false;
  for (std::size_t t = 0; t < thread_count_; ++t) {
    Thread& thread = threads_[t];
    if (thread.state != State::kAtMemoryBarrier || read(thread.awaited).phase == thread.awaited_phase) continue;
    thread.state = State::kReady;
    released = true;
  }
  return released;
}

/// In an order drawn by chance.
void Block::land_some_copies(bool at_least_one) {
  for (std::size_t some = chance_->below(bulk_copies_.size() + 1) + (at_least_one ? 1 : 0);
       some > 0 && !bulk_copies_.empty(); --some) {
    std::swap(bulk_copies_[chance_->below(bulk_copies_.size())], bulk_copies_.back());
    const BulkCopy copy = bulk_copies_.back();
    bulk_copies_.pop_back();
    land(copy);
  }
}

void Block::check_shared() const {
  allow(shared_.data(), shared_.size());
  for (std::size_t k = 0; k < kGuardBytes; ++k) {
    if (shared_[k] != kUnwritten || shared_[kGuardBytes + shared_bytes_ + k] != kUnwritten)
      fail("a kernel wrote past its block's dynamic shared memory");
  }
}

void Block::run(dim3 extents, std::size_t shared_bytes, const std::function<void()>& body, Chance& chance) {
  prepare(extents, shared_bytes);
  body_ = &body;
  chance_ = &chance;
  const std::size_t warps = (thread_count_ + kLanes - 1) / kLanes;
  const auto run_warps = [&] {
    const std::size_t start = chance.below(warps);
    const bool forward = chance.below(2) == 0;
    for (std::size_t turn = 0; turn < warps; ++turn) {
      const std::size_t warp = (forward ? start + turn : start + warps - turn) % warps;
      const std::size_t first = warp * kLanes;
      run_warp({&threads_[first], static_cast<unsigned>(std::min<std::size_t>(kLanes, thread_count_ - first))});
      land_some_copies(false);
    }
  };
  do {
    run_warps();
    const auto waits_for_copy = [](const Thread& thread) { return thread.state == State::kAtMemoryBarrier; };
    while (
        std::any_of(threads_.begin(), threads_.begin() + static_cast<std::ptrdiff_t>(thread_count_), waits_for_copy)) {
      land_some_copies(true);
      if (release_at_memory_barriers()) {
        run_warps();
      } else if (bulk_copies_.empty()) {
        fail("threads of a block wait for a phase of a barrier in shared memory that never ends");
      }
    }
  } while (release_block());
  if (!bulk_copies_.empty()) fail("a block ended with copies into its shared memory under way");
  check_shared();
  body_ = nullptr;
}

}  // namespace

void fail(const char* message) {
  std::fprintf(stderr, "emulated GPU: %s", message);
  if (block().runs()) {
    std::fprintf(stderr, " (block %u,%u,%u of %u,%u,%u; thread %u,%u,%u of %u,%u,%u)", blockIdx.x, blockIdx.y,
                 blockIdx.z, gridDim.x, gridDim.y, gridDim.z, threadIdx.x, threadIdx.y, threadIdx.z, blockDim.x,
                 blockDim.y, blockDim.z);
  }
  std::fputc('\n', stderr);
  std::fflush(nullptr);
  std::abort();
}

int lane() {
  return static_cast<int>(block().running_lane());
}

int block_barrier(BlockCall call, int predicate) {
  Block& here = block();
  Thread& thread = here.running();
  thread.block_call = call;
  thread.predicate = predicate;
  thread.state = State::kAtBlockBarrier;
  here.suspend();
  return here.block_result_;
}

std::uint64_t warp_barrier(WarpCall call, unsigned mask, std::uint64_t value, int source) {
  Block& here = block();
  Thread& thread = here.running();
  if ((mask >> here.running_lane() & 1U) == 0) fail("a lane calls with a mask that does not name it");
  thread.warp_call = call;
  thread.mask = mask;
  thread.value = value;
  thread.source = source;
  thread.state = State::kAtWarpBarrier;
  here.suspend();
  return thread.result;
}

void run_grid(dim3 grid, dim3 block_extents, std::size_t dynamic_shared_bytes, const std::function<void()>& thread_body,
              std::uint64_t seed) {
  Chance chance(seed);
  gridDim = grid;
  blockDim = block_extents;
  const std::size_t blocks = static_cast<std::size_t>(grid.x) * grid.y * grid.z;
  const std::size_t start = chance.below(blocks);
  const bool forward = chance.below(2) == 0;
  for (std::size_t turn = 0; turn < blocks; ++turn) {
    const std::size_t number = (forward ? start + turn : start + blocks - turn) % blocks;
    blockIdx = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
                static_cast<unsigned>(number / grid.x / grid.y)};
    block().run(block_extents, dynamic_shared_bytes, thread_body, chance);
  }
}

}  // namespace alignment::cuda_shim

using alignment::cuda_shim::block;
using alignment::cuda_shim::fail;
using alignment::cuda_shim::WarpCall;

void* shim_dynamic_shared() {
  return block().shared();
}

/// The call of a whole warp with this lane's `part`, which the warp's last lane reads and writes.
template <typename Part>
static void call_of_warp(WarpCall call, const Part& part) {
  if (block().running_lanes() != alignment::cuda_shim::kWarpLanes)
    fail("a matrix operation needs all 32 lanes of a warp");
  alignment::cuda_shim::warp_barrier(call, ~0U, reinterpret_cast<std::uint64_t>(&part), -1);
}

void shim_multiply_add(float* sum, const unsigned* a, const unsigned* b) {
  call_of_warp(WarpCall::kMultiplyAdd, alignment::cuda_shim::MultiplyAdd{sum, a, b});
}

void shim_load_matrices(unsigned* result, const void* row, bool transposed) {
  alignment::cuda_shim::LoadMatrices part{result, {}};
  if (!block().is_shared(row, sizeof(part.row))) fail("ldmatrix needs 16 bytes of dynamic shared memory");
  if (reinterpret_cast<std::uintptr_t>(row) % sizeof(part.row) != 0)
    fail("ldmatrix needs an address that is a multiple of 16 bytes");
  std::memcpy(part.row.data(), row, sizeof(part.row));  // now, as nothing orders this after other lanes' writes
  call_of_warp(transposed ? WarpCall::kLoadMatricesTransposed : WarpCall::kLoadMatrices, part);
}

void __pipeline_memcpy_async(void* shared, const void* global, std::size_t bytes, std::size_t zero_bytes) {
  if (bytes != 4 && bytes != 8 && bytes != 16) fail("__pipeline_memcpy_async copies 4, 8 or 16 bytes");
  if (zero_bytes > bytes) fail("__pipeline_memcpy_async cannot fill more than it copies");
  if (reinterpret_cast<std::uintptr_t>(shared) % bytes != 0 || reinterpret_cast<std::uintptr_t>(global) % bytes != 0)
    fail("__pipeline_memcpy_async needs addresses that are multiples of the size");
  auto& thread = block().running();
  const alignment::cuda_shim::PendingCopy copy{shared, global, bytes, zero_bytes, thread.committed};
  if (block().land_at_once()) {
    land(copy);
  } else {
    thread.copies.push_back(copy);
  }
}

void __pipeline_commit() {
  ++block().running().committed;
}

void __pipeline_wait_prior(std::size_t latest) {
  auto& thread = block().running();
  const std::size_t landed_groups = thread.committed > latest ? thread.committed - latest : 0;
  std::erase_if(thread.copies, [&](const alignment::cuda_shim::PendingCopy& copy) {
    if (copy.group >= landed_groups) return false;
    land(copy);
    return true;
  });
}

namespace {

/// A barrier that a kernel names, once it is one.
std::uint64_t* barrier_at(std::uint64_t* barrier) {
  if (!block().is_shared(barrier, sizeof(*barrier)) || reinterpret_cast<std::uintptr_t>(barrier) % 8 != 0)
    fail("a barrier needs 8 aligned bytes of dynamic shared memory");
  if (alignment::cuda_shim::read(barrier).arrivals > alignment::cuda_shim::kMostArrivals)
    fail("a barrier in shared memory was used that nobody has started");
  return barrier;
}

}  // namespace

void shim_start_barrier(std::uint64_t* barrier, unsigned arrivals) {
  if (arrivals == 0 || arrivals > alignment::cuda_shim::kMostArrivals)
    fail("a barrier waits for 1 to 65534 arrivals here");
  if (block().is_shared(barrier, sizeof(*barrier))) *barrier = 0;
  barrier_at(barrier);
  *barrier = std::bit_cast<std::uint64_t>(
      alignment::cuda_shim::MemoryBarrier{arrivals & 0xffffU, arrivals & 0xffffU, alignment::cuda_shim::kNoBytes, 0});
}

void shim_arrive_and_expect(std::uint64_t* barrier, unsigned bytes) {
  if (bytes >= alignment::cuda_shim::kMostTransactionBytes) fail("a barrier counts less than 2^20 bytes");
  alignment::cuda_shim::MemoryBarrier changed = alignment::cuda_shim::read(barrier_at(barrier));
  changed.biased_bytes = (changed.biased_bytes + bytes) & alignment::cuda_shim::kMostBiasedBytes;
  --changed.missing_arrivals;
  alignment::cuda_shim::write(barrier, changed);
}

void shim_wait(std::uint64_t* barrier, unsigned phase) {
  block().await(barrier_at(barrier), phase & 1U);
}

void shim_bulk_copy(void* to, const void* from, unsigned bytes, std::uint64_t* barrier) {
  if (bytes % 16 != 0 || reinterpret_cast<std::uintptr_t>(to) % 16 != 0 ||
      reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
    fail("a bulk copy needs addresses and a size that are multiples of 16 bytes");
  if (bytes >= alignment::cuda_shim::kMostTransactionBytes) fail("a barrier counts less than 2^20 bytes");
  if (!block().is_shared(to, bytes)) fail("a bulk copy goes to dynamic shared memory");
  block().start_copy({to, from, bytes, barrier_at(barrier)});
}
