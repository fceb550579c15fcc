// The emulated GPU itself: that it does what CUDA does, and that it notices what it is there to notice.
#include "cuda_shim.hpp"

#include <cuda_fp16.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/cuda/matrix.cuh"

namespace {

using alignment::cuda_shim::enqueue;
using alignment::cuda_shim::Held;
using alignment::cuda_shim::held;
using alignment::cuda_shim::set_seed;
using alignment::cuda_shim::stream_priorities;

constexpr unsigned kAllLanes = 0xffffffffU;

#define EXPECT_CUDA(call) EXPECT_STREQ(cudaGetErrorName(call), "cudaSuccess")

template <typename... Parameters, typename... Arguments>
cudaError_t start(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                  Arguments... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) { EXPECT_CUDA(cudaMalloc(&data_, count * sizeof(T))); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    EXPECT_CUDA(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
    EXPECT_CUDA(cudaStreamSynchronize(nullptr));  // a copy from pageable memory may return early
  }
  ~DeviceArray() { EXPECT_CUDA(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  T* data() { return data_; }
  [[nodiscard]] std::vector<T> values() const {
    std::vector<T> result(count_);
    EXPECT_CUDA(cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) { EXPECT_CUDA(cudaStreamCreateWithFlags(&stream_, flags)); }
  ~Stream() { EXPECT_CUDA(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { EXPECT_CUDA(cudaEventCreate(&event_)); }
  ~Event() { EXPECT_CUDA(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Holds up streams until it is opened.
class Gate {
 public:
  explicit Gate(std::initializer_list<cudaStream_t> streams) {
    for (cudaStream_t stream : streams) enqueue(stream, [this] { return open_.load(); });
  }
  void open() { open_ = true; }

 private:
  std::atomic<bool> open_ = false;
};

class ShimDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Runs one block of `threads` to its end.
template <typename... Parameters, typename... Arguments>
void run_block(void (*kernel)(Parameters...), unsigned threads, std::size_t shared_bytes, Arguments... arguments) {
  EXPECT_CUDA(start(kernel, 1, threads, shared_bytes, nullptr, arguments...));
  EXPECT_CUDA(cudaDeviceSynchronize());
}

// ---- grids and blocks

__global__ void count_visits(int* visits) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  visits[block * blockDim.x * blockDim.y * blockDim.z + thread] += 1;
}

TEST(ShimGrid, EveryThreadOfEveryBlockRunsOnce) {
  DeviceArray<int> visits(std::vector<int>(2 * 3 * 4 * 5 * 6 * 7, 0));
  EXPECT_CUDA(start(count_visits, dim3(2, 3, 4), dim3(5, 6, 7), 0, nullptr, visits.data()));
  for (const int count : visits.values()) ASSERT_EQ(count, 1);
}

__global__ void set_number(int* number, int value) {
  *number = value;
}

TEST(ShimGrid, LaunchesThatCudaRefusesAreRefused) {
  DeviceArray<int> number(1);
  EXPECT_EQ(start(set_number, 0, 32, 0, nullptr, number.data(), 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(start(set_number, 1, 1025, 0, nullptr, number.data(), 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(start(set_number, dim3(1, 65536), 1, 0, nullptr, number.data(), 1), cudaErrorInvalidConfiguration);
  EXPECT_EQ(start(set_number, 1, 1, 48 * 1024 + 1, nullptr, number.data(), 1), cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFuncSetAttribute(set_number, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024));
  EXPECT_CUDA(start(set_number, 1, 1, 48 * 1024 + 1, nullptr, number.data(), 1));
  EXPECT_EQ(cudaFuncSetAttribute(set_number, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
            cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFuncSetAttribute(set_number, cudaFuncAttributeMaxDynamicSharedMemorySize, 48 * 1024));
  cudaGetLastError();
}

// ---- barriers and shared memory

template <bool kWaits>
__global__ void pass_on(int* result) {
  auto* const shared = static_cast<int*>(shim_dynamic_shared());
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (kWaits) __syncthreads();
  result[threadIdx.x] = shared[(threadIdx.x + 1) % blockDim.x];
}

std::vector<int> next_numbers(int count) {
  std::vector<int> expected(static_cast<std::size_t>(count));
  for (int k = 0; k < count; ++k) expected[static_cast<std::size_t>(k)] = (k + 1) % count;
  return expected;
}

TEST(ShimBarrier, WhatAThreadWroteBeforeItTheOthersReadAfterIt) {
  for (const unsigned threads : {1U, 2U, 31U, 32U, 33U, 256U, 1000U, 1024U}) {
    DeviceArray<int> result(threads);
    run_block(pass_on<true>, threads, threads * sizeof(int), result.data());
    EXPECT_EQ(result.values(), next_numbers(static_cast<int>(threads)));
  }
}

TEST(ShimBarrier, AMissingOneShows) {
  for (const unsigned threads : {2U, 32U, 33U, 256U}) {
    int seen = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      set_seed(seed);
      DeviceArray<int> result(threads);
      run_block(pass_on<false>, threads, threads * sizeof(int), result.data());
      seen += result.values() != next_numbers(static_cast<int>(threads)) ? 1 : 0;
    }
    EXPECT_GE(seen, 15) << threads;
  }
}

__global__ void read_then_write_shared(float* seen) {
  auto* const shared = static_cast<float*>(shim_dynamic_shared());
  __shared__ int of_the_block;
  seen[blockIdx.x * blockDim.x + threadIdx.x] = shared[threadIdx.x];
  if (threadIdx.x == 0) of_the_block = static_cast<int>(blockIdx.x);
  __syncthreads();
  shared[threadIdx.x] = 1.0F;
  if (of_the_block != static_cast<int>(blockIdx.x)) seen[blockIdx.x * blockDim.x + threadIdx.x] = 0.0F;
}

TEST(ShimShared, IsUnsetAtTheStartOfEveryBlockAndTheSameForAllItsThreads) {
  DeviceArray<float> seen(4 * 64);
  EXPECT_CUDA(start(read_then_write_shared, 4, 64, 64 * sizeof(float), nullptr, seen.data()));
  for (const float value : seen.values()) ASSERT_TRUE(std::isnan(value));
}

__global__ void vote(int* results) {
  const int thread = static_cast<int>(threadIdx.x);
  const int count = __syncthreads_count(thread % 3 == 0);
  const int any = __syncthreads_or(thread == 70), none = __syncthreads_or(0);
  const int all = __syncthreads_and(1), not_all = __syncthreads_and(thread != 70);
  results[thread] = count * 10000 + any * 1000 + none * 100 + all * 10 + not_all;
}

TEST(ShimBarrier, Votes) {
  DeviceArray<int> results(100);
  run_block(vote, 100, 0, results.data());
  for (const int result : results.values()) ASSERT_EQ(result, 34 * 10000 + 1000 + 10);
}

__global__ void half_returns() {
  if (threadIdx.x >= 32) return;
  __syncthreads();
}

__global__ void different_barriers() {
  if (threadIdx.x >= 32) {
    __syncthreads();
  } else {
    __syncthreads_or(1);
  }
}

__global__ void half_a_warp_returns() {
  if (threadIdx.x >= 16) return;
  __syncwarp();
}

__global__ void lanes_at_different_barriers() {
  if (threadIdx.x >= 16) {
    __syncthreads();
  } else {
    __syncwarp();
  }
}

TEST_F(ShimDeathTest, BarriersThatPartOfABlockDoesNotReach) {
  EXPECT_DEATH(run_block(half_returns, 64, 0), "of 64 threads of a block 32 wait at a __syncthreads");
  EXPECT_DEATH(run_block(different_barriers, 64, 0), "wait at different barriers");
  EXPECT_DEATH(run_block(half_a_warp_returns, 32, 0),
               "lanes of a warp wait at a __syncwarp, shuffle or matrix operation");
  EXPECT_DEATH(run_block(lanes_at_different_barriers, 32, 0),
               "lanes of a warp wait at a __syncwarp, shuffle or matrix operation");
}

__global__ void write_behind_shared(int number) {
  static_cast<int*>(shim_dynamic_shared())[number] = 1;
}

TEST_F(ShimDeathTest, WritesPastSharedMemory) {
  run_block(write_behind_shared, 1, 64, 15);
  EXPECT_DEATH(run_block(write_behind_shared, 1, 64, 16),
               "wrote past its block's dynamic shared memory|use-after-poison");
  EXPECT_DEATH(run_block(write_behind_shared, 1, 64, -1),
               "wrote past its block's dynamic shared memory|use-after-poison");
}

// ---- warps

struct LaneResults {
  int from_three, swapped, next, previous, sum, group_first;
  unsigned odd;
  int any, all;
  double wide;
};

__global__ void lanes(LaneResults* results) {
  const int value = 100 + static_cast<int>(threadIdx.x);
  LaneResults mine = {};
  mine.from_three = __shfl_sync(kAllLanes, value, 3);
  mine.swapped = __shfl_xor_sync(kAllLanes, value, 1);
  mine.next = __shfl_down_sync(kAllLanes, value, 1);
  mine.previous = __shfl_up_sync(kAllLanes, value, 1);
  mine.sum = value;
  for (int apart = 16; apart > 0; apart /= 2) mine.sum += __shfl_xor_sync(kAllLanes, mine.sum, apart);
  mine.group_first = __shfl_sync(kAllLanes, value, 0, 8);
  mine.odd = __ballot_sync(kAllLanes, value % 2);
  mine.any = __any_sync(kAllLanes, value == 131);
  mine.all = __all_sync(kAllLanes, value != 131);
  mine.wide = __shfl_xor_sync(kAllLanes, value + 0.5, 31);
  results[threadIdx.x] = mine;
}

TEST(ShimWarp, Shuffles) {
  DeviceArray<LaneResults> results(64);
  EXPECT_CUDA(start(lanes, 1, 64, 0, nullptr, results.data()));
  const std::vector<LaneResults> all = results.values();
  for (int thread = 0; thread < 64; ++thread) {
    const LaneResults& mine = all[static_cast<std::size_t>(thread)];
    const int warp = thread / 32 * 32, lane = thread % 32;
    EXPECT_EQ(mine.from_three, 100 + warp + 3);
    EXPECT_EQ(mine.swapped, 100 + (thread ^ 1));
    EXPECT_EQ(mine.next, 100 + (lane == 31 ? thread : thread + 1));
    EXPECT_EQ(mine.previous, 100 + (lane == 0 ? thread : thread - 1));
    EXPECT_EQ(mine.sum, 32 * (100 + warp) + 31 * 16);
    EXPECT_EQ(mine.group_first, 100 + thread / 8 * 8);
    EXPECT_EQ(mine.odd, 0xaaaaaaaaU);
    EXPECT_EQ(mine.any, warp == 0 ? 1 : 0);
    EXPECT_EQ(mine.all, warp == 0 ? 0 : 1);
    EXPECT_EQ(mine.wide, 100.5 + warp + 31 - lane);
  }
}

__global__ void groups_apart(int* results) {
  const int thread = static_cast<int>(threadIdx.x);
  int sum = thread;
  if (thread < 8) {
    for (int apart = 4; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffU, sum, apart);
  } else {
    __syncwarp(0xffffff00U);
    sum = __shfl_sync(0xffffff00U, sum, 8);
  }
  __syncwarp();
  results[thread] = sum;
}

TEST(ShimWarp, MasksAndAPartialLastWarp) {
  DeviceArray<int> results(32);
  run_block(groups_apart, 32, 0, results.data());
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(results.values()[static_cast<std::size_t>(lane)], lane < 8 ? 28 : 8) << lane;
  DeviceArray<int> partial(20);
  run_block(groups_apart, 20, 0, partial.data());
  EXPECT_EQ(partial.values()[19], 8);
}

__global__ void shuffle_from(int source, int width) {
  __shfl_sync(kAllLanes, 1, source, width);
}
__global__ void shuffle_within(unsigned mask, int source) {
  __shfl_sync(mask, 1, source);
}

TEST_F(ShimDeathTest, ShufflesFromNobody) {
  EXPECT_DEATH(run_block(shuffle_from, 32, 0, 32, 32), "from a lane outside its group");
  EXPECT_DEATH(run_block(shuffle_from, 32, 0, -1, 32), "from a lane outside its group");
  EXPECT_DEATH(run_block(shuffle_from, 32, 0, 8, 8), "from a lane outside its group");
  EXPECT_DEATH(run_block(shuffle_from, 32, 0, 0, 7), "the width of a shuffle");
  EXPECT_DEATH(run_block(shuffle_from, 20, 0, 25, 32), "from a lane that does not take part");
  EXPECT_DEATH(run_block(shuffle_within, 8, 0, 0x0fU, 0), "a mask that does not name it");
}

// ---- asynchronous copies into shared memory

constexpr int kStages = 32;

/// Copies stage after stage into one of two buffers while the other is read. Thread t reads what thread t+1 copied.
template <bool kWaits, bool kBarrier>
__global__ void stream_through(const float* numbers, float* result) {
  auto* const shared = static_cast<float*>(shim_dynamic_shared());
  const unsigned thread = threadIdx.x, threads = blockDim.x;
  __pipeline_memcpy_async(shared + thread, numbers + thread, 4);
  __pipeline_commit();
  for (unsigned stage = 0; stage < kStages; ++stage) {
    if (stage + 1 < kStages) {
      __pipeline_memcpy_async(shared + (stage + 1) % 2 * threads + thread, numbers + (stage + 1) * threads + thread, 4);
    }
    __pipeline_commit();
    if (kWaits) __pipeline_wait_prior(1);
    __syncthreads();
    result[stage * threads + thread] = shared[stage % 2 * threads + (thread + 1) % threads];
    if (kBarrier) __syncthreads();
  }
}

std::vector<float> streamed(void (*kernel)(const float*, float*)) {
  std::vector<float> numbers(kStages * 64);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  DeviceArray<float> input(numbers), result(numbers.size());
  run_block(kernel, 64, 2 * 64 * sizeof(float), static_cast<const float*>(input.data()), result.data());
  return result.values();
}

TEST(ShimPipeline, CopiesAreThereOnceWaitedForAndAMissingWaitShows) {
  std::vector<float> expected;
  for (int stage = 0; stage < kStages; ++stage) {
    for (int thread = 0; thread < 64; ++thread)
      expected.push_back(1.0F + static_cast<float>(stage * 64 + (thread + 1) % 64));
  }
  EXPECT_EQ(streamed(stream_through<true, true>), expected);
  const std::vector<float> unwaited = streamed(stream_through<false, true>);
  EXPECT_TRUE(std::any_of(unwaited.begin(), unwaited.end(), [](float value) { return std::isnan(value); }));
  EXPECT_NE(streamed(stream_through<true, false>), expected);
}

/// Two copies a thread, each a group of its own, and a third without a commit.
__global__ void wait_for_all_but(unsigned latest, const float* numbers, float* result) {
  auto* const shared = static_cast<float*>(shim_dynamic_shared());
  for (unsigned copy = 0; copy < 3; ++copy) {
    const unsigned at = copy * blockDim.x + threadIdx.x;
    __pipeline_memcpy_async(shared + at, numbers + at, 4);
    if (copy < 2) __pipeline_commit();
  }
  __pipeline_wait_prior(latest);
  for (unsigned copy = 0; copy < 3; ++copy) {
    const unsigned at = copy * blockDim.x + threadIdx.x;
    result[at] = shared[at];
  }
}

TEST(ShimPipeline, TheLatestGroupsAndWhatIsNotCommittedMayBeMissing) {
  for (const unsigned latest : {0U, 1U, 2U}) {
    DeviceArray<float> input(std::vector<float>(3 * 64, 1.0F)), result(3 * 64);
    const float* const numbers = input.data();
    run_block(wait_for_all_but, 64, 3 * 64 * sizeof(float), latest, numbers, result.data());
    const std::vector<float> found = result.values();
    for (unsigned copy = 0; copy < 3; ++copy) {
      const auto first = found.begin() + copy * 64;
      const bool missing = std::any_of(first, first + 64, [](float value) { return std::isnan(value); });
      EXPECT_EQ(missing, copy >= 2 - latest) << "copy " << copy << ", all but " << latest;
    }
  }
}

__global__ void fill_with_zeros(float* result) {
  auto* const shared = static_cast<float4*>(shim_dynamic_shared());
  __pipeline_memcpy_async(shared, result, 16, 8);
  __pipeline_commit();
  __pipeline_wait_prior(0);
  *reinterpret_cast<float4*>(result) = shared[0];
}

TEST(ShimPipeline, FillsWithZeros) {
  DeviceArray<float> numbers(std::vector<float>{1, 2, 3, 4});
  run_block(fill_with_zeros, 1, 16, numbers.data());
  EXPECT_EQ(numbers.values(), (std::vector<float>{1, 2, 0, 0}));
}

__global__ void copy_misaligned(const float* numbers, std::size_t bytes, int shared_offset) {
  __pipeline_memcpy_async(static_cast<float*>(shim_dynamic_shared()) + shared_offset, numbers, bytes);
}

TEST_F(ShimDeathTest, MisalignedAsynchronousCopies) {
  DeviceArray<float> numbers(64);
  const float* const first = numbers.data();
  run_block(copy_misaligned, 1, 64, first + 4, std::size_t{16}, 4);
  EXPECT_DEATH(run_block(copy_misaligned, 1, 64, first + 2, std::size_t{16}, 0), "multiples of the size");
  EXPECT_DEATH(run_block(copy_misaligned, 1, 64, first, std::size_t{16}, 2), "multiples of the size");
  EXPECT_DEATH(run_block(copy_misaligned, 1, 64, first + 1, std::size_t{8}, 0), "multiples of the size");
  EXPECT_DEATH(run_block(copy_misaligned, 1, 64, first, std::size_t{12}, 0), "4, 8 or 16 bytes");
}

// ---- bulk copies into shared memory

constexpr unsigned kRing = 2, kTileNumbers = 64;

/// Brings tile after tile into a ring of two; the last warp to leave a tile starts the copy of the one after the next,
/// or, where that is wrong, the first. Thread t reads number t + 1 of each.
template <bool kLast>
__global__ void stream_through_ring(const float* numbers, float* result) {
  auto* const shared = static_cast<std::byte*>(shim_dynamic_shared());
  auto* const tiles = reinterpret_cast<float*>(shared);
  auto* const barriers = reinterpret_cast<std::uint64_t*>(shared + kRing * kTileNumbers * sizeof(float));
  auto* const left = reinterpret_cast<unsigned*>(barriers + kRing);
  const unsigned bytes = kTileNumbers * sizeof(float), warps = blockDim.x / 32;
  const auto bring = [&](unsigned tile) {
    shim_arrive_and_expect(barriers + tile % kRing, bytes);
    shim_bulk_copy(tiles + tile % kRing * kTileNumbers, numbers + tile * kTileNumbers, bytes, barriers + tile % kRing);
  };
  if (threadIdx.x == 0) {
    for (unsigned tile = 0; tile < kRing; ++tile) {
      shim_start_barrier(barriers + tile, 1);
      left[tile] = 0;
      bring(tile);
    }
  }
  __syncthreads();
  for (unsigned tile = 0; tile < kStages; ++tile) {
    shim_wait(barriers + tile % kRing, tile / kRing);
    if (!kLast) __syncthreads();  // so that all have waited for this phase and not for one long ended
    result[tile * kTileNumbers + threadIdx.x] = tiles[tile % kRing * kTileNumbers + (threadIdx.x + 1) % kTileNumbers];
    __syncwarp();
    if (threadIdx.x % 32 == 0) {
      const unsigned number = left[tile % kRing]++ % warps;
      if (number == (kLast ? warps - 1 : 0) && tile + kRing < kStages) bring(tile + kRing);
    }
    if (!kLast) __syncthreads();
  }
}

std::vector<float> streamed_through_ring(void (*kernel)(const float*, float*)) {
  std::vector<float> numbers(kStages * kTileNumbers);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  DeviceArray<float> input(numbers), result(numbers.size());
  run_block(kernel, kTileNumbers, kRing * (kTileNumbers * sizeof(float) + 16), static_cast<const float*>(input.data()),
            result.data());
  return result.values();
}

TEST(ShimBulkCopies, AreThereOnceWaitedForAndOnesThatAreTooEarlyShow) {
  std::vector<float> expected;
  for (unsigned tile = 0; tile < kStages; ++tile) {
    for (unsigned thread = 0; thread < kTileNumbers; ++thread)
      expected.push_back(1.0F + static_cast<float>(tile * kTileNumbers + (thread + 1) % kTileNumbers));
  }
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    set_seed(seed);
    EXPECT_EQ(streamed_through_ring(stream_through_ring<true>), expected) << seed;
  }
  set_seed(1);
  EXPECT_NE(streamed_through_ring(stream_through_ring<false>), expected);
}

__global__ void read_before_the_wait(const float* numbers, float* result) {
  auto* const tile = static_cast<float*>(shim_dynamic_shared());
  auto* const barrier = reinterpret_cast<std::uint64_t*>(tile + 4);
  shim_start_barrier(barrier, 1);
  shim_arrive_and_expect(barrier, 16);
  shim_bulk_copy(tile, numbers, 16, barrier);
  result[0] = tile[0];
  shim_wait(barrier, 0);
  result[1] = tile[0];
}

TEST(ShimBulkCopies, AMissingWaitShows) {
  bool missing = false;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    set_seed(seed);
    DeviceArray<float> numbers(std::vector<float>(4, 1.0F)), result(2);
    run_block(read_before_the_wait, 1, 32, static_cast<const float*>(numbers.data()), result.data());
    missing = missing || std::isnan(result.values()[0]);
    EXPECT_EQ(result.values()[1], 1.0F);
  }
  set_seed(1);
  EXPECT_TRUE(missing);
}

/// Phases end with all arrivals and all bytes, whichever come last, and take turns in their parity.
__global__ void end_phases(const float* numbers, float* result) {
  auto* const shared = static_cast<std::byte*>(shim_dynamic_shared());
  auto* const barrier = reinterpret_cast<std::uint64_t*>(shared);
  auto* const tile = reinterpret_cast<float*>(shared + 16);
  if (threadIdx.x == 0) shim_start_barrier(barrier, 2);
  __syncthreads();
  for (unsigned phase = 0; phase < 5; ++phase) {
    // The first thread's bytes may come before the second has arrived, or after.
    if (threadIdx.x == 0) {
      shim_arrive_and_expect(barrier, 32);
      shim_bulk_copy(tile, numbers + 8 * phase, 16, barrier);
      shim_bulk_copy(tile + 4, numbers + 8 * phase + 4, 16, barrier);
    } else if (threadIdx.x == 1) {
      shim_arrive_and_expect(barrier, 0);
    }
    shim_wait(barrier, phase);
    if (threadIdx.x < 8) result[8 * phase + threadIdx.x] = tile[threadIdx.x];
    __syncthreads();
  }
}

TEST(ShimBulkCopies, PhasesEndWithAllArrivalsAndBytes) {
  std::vector<float> numbers(40);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    set_seed(seed);
    DeviceArray<float> input(numbers), result(40);
    run_block(end_phases, 64, 48, static_cast<const float*>(input.data()), result.data());
    EXPECT_EQ(result.values(), numbers) << seed;
  }
  set_seed(1);
}

/// What goes wrong with one bulk copy.
enum class Fault { kNone, kAddress, kBytes, kPlace, kNoBarrier, kTooFewBytes, kNobodyWaits };

__global__ void copy_wrongly(Fault fault, const float* numbers) {
  auto* const shared = static_cast<std::byte*>(shim_dynamic_shared());
  auto* const barrier = reinterpret_cast<std::uint64_t*>(shared);
  if (fault != Fault::kNoBarrier) shim_start_barrier(barrier, 1);
  shim_arrive_and_expect(barrier, fault == Fault::kTooFewBytes ? 48 : 32);
  for (unsigned k = 0; k < (fault == Fault::kNobodyWaits ? 20U : 1U); ++k) {
    shim_bulk_copy(shared + (fault == Fault::kPlace ? 48 : 16), numbers + (fault == Fault::kAddress ? 1 : 0),
                   fault == Fault::kBytes ? 24 : 32, barrier);
  }
  if (fault != Fault::kNobodyWaits) shim_wait(barrier, 0);
}

TEST_F(ShimDeathTest, BulkCopiesThatCannotBe) {
  DeviceArray<float> numbers(64);
  const auto copy = [&](Fault fault) {
    run_block(copy_wrongly, 1, 64, fault, static_cast<const float*>(numbers.data()));
  };
  copy(Fault::kNone);
  EXPECT_DEATH(copy(Fault::kAddress), "multiples of 16 bytes");
  EXPECT_DEATH(copy(Fault::kBytes), "multiples of 16 bytes");
  EXPECT_DEATH(copy(Fault::kPlace), "goes to dynamic shared memory");
  EXPECT_DEATH(copy(Fault::kNoBarrier), "nobody has started");
  EXPECT_DEATH(copy(Fault::kTooFewBytes), "never ends");
  EXPECT_DEATH(copy(Fault::kNobodyWaits), "under way");
}

// ---- f16

TEST(ShimHalf, EveryNumberKeepsItsValueAndBits) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const auto half_bits = static_cast<unsigned short>(bits);
    const float value = __half2float(__ushort_as_half(half_bits));
    const unsigned exponent = bits >> 10U & 31U, mantissa = bits & 1023U;
    if (exponent == 31 && mantissa != 0) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_TRUE(std::isnan(__half2float(__float2half_rn(value))));
      continue;
    }
    const float magnitude = exponent == 31 ? INFINITY
                            : exponent == 0
                                ? std::ldexp(static_cast<float>(mantissa), -24)
                                : std::ldexp(static_cast<float>(1024 + mantissa), static_cast<int>(exponent) - 25);
    ASSERT_EQ(value, (bits & 0x8000U) != 0 ? -magnitude : magnitude);
    ASSERT_EQ(__half_as_ushort(__float2half_rn(value)), half_bits);
  }
}

TEST(ShimHalf, RoundsToTheNearestAndTiesToEven) {
  for (unsigned short bits = 0; bits < 0x7c00; ++bits) {
    const auto next = static_cast<unsigned short>(bits + 1);
    const float low = __half2float(__ushort_as_half(bits));
    const float high = next == 0x7c00 ? 65536.0F : __half2float(__ushort_as_half(next));
    const float middle = (low + high) / 2;  // exact in f32
    const auto rounded = [](float value) { return __half_as_ushort(__float2half_rn(value)); };
    ASSERT_EQ(rounded(middle), bits % 2 == 0 ? bits : next) << bits;
    ASSERT_EQ(rounded(std::nextafter(middle, 0.0F)), bits);
    ASSERT_EQ(rounded(std::nextafter(middle, INFINITY)), next);
    ASSERT_EQ(rounded(-middle), rounded(middle) | 0x8000);
  }
}

/// Whether `found` is the half nearest to `exact`, of two the even one.
::testing::AssertionResult is_nearest(__half found, long double exact) {
  const auto distance = [&](unsigned short bits) {
    const float value = __half2float(__ushort_as_half(bits));
    return std::abs((std::isinf(value) ? std::copysign(65536.0L, static_cast<long double>(value))
                                       : static_cast<long double>(value)) -
                    exact);
  };
  const unsigned short bits = __half_as_ushort(found), magnitude = bits & 0x7fffU, sign = bits & 0x8000U;
  for (const int step : {-1, 1}) {
    const int other = magnitude + step;
    const auto neighbour = static_cast<unsigned short>(other < 0 ? (sign ^ 0x8000) | 1 : other | sign);
    if (other > 0x7c00 || distance(bits) < distance(neighbour)) continue;
    if (distance(bits) == distance(neighbour) && magnitude % 2 == 0) continue;
    return ::testing::AssertionFailure() << static_cast<float>(found) << " for " << static_cast<double>(exact);
  }
  return ::testing::AssertionSuccess();
}

TEST(ShimHalf, ArithmeticRoundsOnce) {
  std::mt19937 generator(7);
  const auto finite = [&] {
    while (true) {
      const __half drawn = __ushort_as_half(static_cast<unsigned short>(generator()));
      if (std::isfinite(__half2float(drawn))) return drawn;
    }
  };
  const auto exact = [](__half value) { return static_cast<long double>(__half2float(value)); };
  for (int round = 0; round < 300'000; ++round) {
    const __half2 a{finite(), finite()}, b{finite(), finite()};
    __half2 c{finite(), finite()};
    if (round % 2 == 0) c = __hfma2(a, b, {__half(0.0F), __half(0.0F)});  // as large as the product, so that bits meet
    if (!std::isfinite(__half2float(c.x))) continue;
    if (round % 4 == 0) c.x = __ushort_as_half(__half_as_ushort(c.x) ^ 0x8000U);
    ASSERT_TRUE(is_nearest(__hsub2(a, b).y, exact(a.y) - exact(b.y)));
    const long double fused = exact(a.x) * exact(b.x) + exact(c.x);
    if (fused == 0) continue;  // its sign is another matter
    ASSERT_TRUE(is_nearest(__hfma2(a, b, c).x, fused));
    ASSERT_EQ(static_cast<float>(__habs2(a).x), std::abs(static_cast<float>(a.x)));
  }
}

__half half_of_bits(unsigned bits) {
  return __ushort_as_half(static_cast<unsigned short>(bits));
}
unsigned bits_of_half(__half value) {
  return __half_as_ushort(value);
}
bool is_nan(__half value) {
  return (bits_of_half(value) & 0x7fffU) > 0x7c00U;
}

/// All that is special, both signs, and a part of the rest.
std::vector<__half> swept_halves() {
  std::vector<unsigned> magnitudes{0,      1,      2,      0x3fe,  0x3ff,  0x400,  0x401,  0x3bff, 0x3c00,
                                   0x3c01, 0x7bfe, 0x7bff, 0x7c00, 0x7c01, 0x7e00, 0x7ffe, 0x7fff};
  for (unsigned bits = 0; bits < 0x8000; bits += 137) magnitudes.push_back(bits);
  std::vector<__half> halves;
  for (const unsigned bits : magnitudes) {
    halves.push_back(half_of_bits(bits));
    halves.push_back(half_of_bits(bits | 0x8000U));
  }
  return halves;
}

/// `found` for a result whose exact value is `exact`: with NaN the canonical one, otherwise the nearest and its sign.
::testing::AssertionResult is_rounded(__half found, long double exact) {
  if (std::isnan(exact)) return ::testing::AssertionResult(bits_of_half(found) == 0x7fffU);
  if ((bits_of_half(found) >> 15U != 0) != std::signbit(exact)) return ::testing::AssertionFailure() << "sign";
  if (std::isinf(exact)) return ::testing::AssertionResult((bits_of_half(found) & 0x7fffU) == 0x7c00U);
  if (is_nan(found)) return ::testing::AssertionFailure() << "NaN";
  return is_nearest(found, exact);
}

/// Halves other than NaN in their order, -0 before +0.
int place_of(__half value) {
  const int magnitude = static_cast<int>(bits_of_half(value) & 0x7fffU);
  return bits_of_half(value) >> 15U != 0 ? -magnitude - 1 : magnitude;
}

unsigned larger_bits(__half a, __half b, int sign) {
  if (is_nan(a) && is_nan(b)) return 0x7fffU;
  if (is_nan(a)) return bits_of_half(b);
  if (is_nan(b)) return bits_of_half(a);
  return bits_of_half(sign * place_of(a) >= sign * place_of(b) ? a : b);
}

TEST(ShimHalf, EveryPairOfASweep) {
  const std::vector<__half> halves = swept_halves();
  for (const __half a : halves) {
    for (const __half b : halves) {
      const __half2 ab{a, b}, ba{b, a};
      const long double x = __half2float(a), y = __half2float(b);
      ASSERT_TRUE(is_rounded(__hadd2(ab, ba).x, x + y)) << x << " + " << y;
      ASSERT_TRUE(is_rounded(__hmul2(ab, ba).x, x * y)) << x << " * " << y;
      ASSERT_TRUE(is_rounded(__hadd2(ab, {a, a}).y, y + x));
      ASSERT_TRUE(is_rounded(__hmul2(ab, {a, a}).y, y * x));
      ASSERT_EQ(bits_of_half(__hmax2(ab, ba).x), larger_bits(a, b, 1)) << x << ", " << y;
      ASSERT_EQ(bits_of_half(__hmax2(ab, ba).y), larger_bits(b, a, 1));
      ASSERT_EQ(bits_of_half(__hmin2(ab, ba).x), larger_bits(a, b, -1)) << x << ", " << y;
      ASSERT_EQ(bits_of_half(__hmin2(ab, ba).y), larger_bits(b, a, -1));
      const auto compares = [&](__half2 found, bool first, bool second) {
        return bits_of_half(found.x) == (first ? 0x3c00U : 0U) && bits_of_half(found.y) == (second ? 0x3c00U : 0U);
      };
      ASSERT_TRUE(compares(__hgt2(ab, ba), x > y, y > x)) << x << ", " << y;
      ASSERT_TRUE(compares(__hge2(ab, ba), x >= y, y >= x)) << x << ", " << y;
      ASSERT_TRUE(compares(__hlt2(ab, ba), x < y, y < x)) << x << ", " << y;
      ASSERT_TRUE(compares(__hle2(ab, ba), x <= y, y <= x)) << x << ", " << y;
      ASSERT_TRUE(compares(__heq2(ab, {b, b}), x == y, y == y)) << x << ", " << y;
    }
  }
}

TEST(ShimHalf, MultiplyAddWithoutNegatives) {
  const std::vector<__half> halves = swept_halves();
  for (std::size_t k = 0; k < halves.size(); ++k) {
    for (const __half b : halves) {
      const __half a = halves[k], c = halves[(k * 7 + 3) % halves.size()];
      const __half2 found = __hfma2_relu({a, b}, {b, c}, {c, a}), fused = __hfma2({a, b}, {b, c}, {c, a});
      const auto expected = [](__half value) {
        if (is_nan(value)) return 0x7fffU;
        return place_of(value) < 0 ? 0U : bits_of_half(value);
      };
      ASSERT_EQ(bits_of_half(found.x), expected(fused.x));
      ASSERT_EQ(bits_of_half(found.y), expected(fused.y));
    }
  }
}

TEST(ShimHalf, MovesBits) {
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const __half one = half_of_bits(bits), other = half_of_bits(~bits);
    ASSERT_EQ(bits_of_half(__low2half({one, other})), bits);
    ASSERT_EQ(bits_of_half(__high2half({other, one})), bits);
    ASSERT_EQ(bits_of_half(__half2half2(one).x), bits);
    ASSERT_EQ(bits_of_half(__half2half2(one).y), bits);
    ASSERT_EQ(bits_of_half(__hneg2({one, other}).x), bits ^ 0x8000U);
    ASSERT_EQ(bits_of_half(__hneg2({other, one}).y), bits ^ 0x8000U);
    const unsigned both = alignment::kernels::cuda::bits_of({one, other});
    ASSERT_EQ(both, bits | (65535 - bits) << 16U);
    ASSERT_EQ(bits_of_half(alignment::kernels::cuda::halves_of(both).x), bits);
    ASSERT_EQ(bits_of_half(alignment::kernels::cuda::halves_of(both).y), 65535 - bits);
  }
}

// ---- four bytes to a word

using Bytes = std::array<std::uint8_t, 4>;

unsigned word_of(const Bytes& bytes) {
  return std::bit_cast<unsigned>(bytes);
}

/// Calls `check` with words in which every pair of bytes is at every place.
template <typename Check>
void for_all_pairs_of_bytes(Check&& check) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      Bytes left, right;
      for (std::size_t k = 0; k < 4; ++k) {  // each place goes through all pairs, in an order of its own
        left[k] = static_cast<std::uint8_t>(a * (2 * static_cast<int>(k) + 1) + 50 * static_cast<int>(k));
        right[k] = static_cast<std::uint8_t>(b * (2 * static_cast<int>(k) + 3) + 70 * static_cast<int>(k));
      }
      check(left, right);
    }
  }
}

TEST(ShimBytes, Distances) {
  for_all_pairs_of_bytes([](const Bytes& left, const Bytes& right) {
    Bytes expected;
    for (std::size_t k = 0; k < 4; ++k)
      expected[k] = static_cast<std::uint8_t>(std::abs(static_cast<int>(left[k]) - static_cast<int>(right[k])));
    ASSERT_EQ(__vabsdiffu4(word_of(left), word_of(right)), word_of(expected));
  });
}

TEST(ShimBytes, SumsOfProducts) {
  std::mt19937 generator(5);
  for_all_pairs_of_bytes([&](const Bytes& left, const Bytes& right) {
    const auto first = static_cast<std::uint32_t>(generator());
    std::int64_t sum = first, signed_sum = first;  // modulo 2^32 at the end
    for (std::size_t k = 0; k < 4; ++k) {
      sum += static_cast<std::int64_t>(left[k]) * right[k];
      const auto signed_byte = [](std::uint8_t byte) { return byte < 128 ? std::int64_t{byte} : byte - 256; };
      signed_sum += signed_byte(left[k]) * signed_byte(right[k]);
    }
    const unsigned a = word_of(left), b = word_of(right);
    ASSERT_EQ(__dp4a(a, b, first), static_cast<std::uint32_t>(sum));
    const int found = __dp4a(std::bit_cast<int>(a), std::bit_cast<int>(b), std::bit_cast<int>(first));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(found), static_cast<std::uint32_t>(signed_sum));
  });
}

TEST(ShimBytes, EverySelection) {
  constexpr std::array<std::uint8_t, 8> kBytes{0x91, 0x12, 0xa3, 0x34, 0xb5, 0x56, 0xc7, 0x78};
  unsigned x = 0, y = 0;
  std::memcpy(&x, kBytes.data(), 4);
  std::memcpy(&y, kBytes.data() + 4, 4);
  for (unsigned selector = 0; selector < 65536; ++selector) {
    const Bytes expected{kBytes[selector % 8], kBytes[selector / 16 % 8], kBytes[selector / 256 % 8],
                         kBytes[selector / 4096 % 8]};
    ASSERT_EQ(__byte_perm(x, y, selector), word_of(expected)) << selector;
    ASSERT_EQ(__byte_perm(x, y, selector | 0xabcd0000U), word_of(expected)) << selector;
  }
}

TEST(ShimBytes, WholeNumbersToTheNearestFloat) {
  for (int value = -(1 << 24); value <= 1 << 24; value += 999)
    ASSERT_EQ(static_cast<int>(__int2float_rn(value)), value);
  EXPECT_EQ(__int2float_rn((1 << 24) + 1), 16777216.0F);
  EXPECT_EQ(__int2float_rn((1 << 24) + 3), 16777220.0F);
  EXPECT_EQ(__int2float_rn(-(1 << 24) - 3), -16777220.0F);
  EXPECT_EQ(__int2float_rn(INT_MAX), 2147483648.0F);
  EXPECT_EQ(__int2float_rn(INT_MIN), -2147483648.0F);
}

// ---- matrices of a warp

using alignment::kernels::cuda::FloatFragment;
using alignment::kernels::cuda::HalfFragmentA;
using alignment::kernels::cuda::HalfFragmentB;
using alignment::kernels::cuda::load_matrices;
using alignment::kernels::cuda::load_matrices_transposed;
using alignment::kernels::cuda::multiply_add;

/// A is [16][16], B [16][8], the sums [16][8], all by rows.
struct Matrices {
  std::vector<__half> a = std::vector<__half>(256, __half(0.0F)), b = std::vector<__half>(128, __half(0.0F));
  std::vector<float> sum = std::vector<float>(128, 0.0F);
};

__global__ void multiply_fragments(const HalfFragmentA* a, const HalfFragmentB* b, FloatFragment* sum) {
  multiply_add(sum[threadIdx.x], a[threadIdx.x], b[threadIdx.x]);
}

void set_half(unsigned& bits, std::size_t number, __half value) {
  bits = (bits & (number == 0 ? 0xffff0000U : 0xffffU)) | bits_of_half(value) << 16 * number;
}

/// The sums after one instruction of each warp: a warp to an entry of `given`.
std::vector<std::vector<float>> multiplied(const std::vector<Matrices>& given) {
  std::vector<HalfFragmentA> a(32 * given.size());
  std::vector<HalfFragmentB> b(a.size());
  std::vector<FloatFragment> sum(a.size());
  const auto place_of_sum = [&](std::size_t warp, std::size_t i, std::size_t j) -> float& {
    return sum[warp * 32 + i % 8 * 4 + j / 2].x[i / 8 * 2 + j % 2];
  };
  for (std::size_t warp = 0; warp < given.size(); ++warp) {
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t k = 0; k < 16; ++k)
        set_half(a[warp * 32 + i % 8 * 4 + k % 8 / 2].x[i / 8 + k / 8 * 2], k % 2, given[warp].a[i * 16 + k]);
      for (std::size_t j = 0; j < 8; ++j) {
        set_half(b[warp * 32 + j * 4 + i % 8 / 2].x[i / 8], i % 2, given[warp].b[i * 8 + j]);
        place_of_sum(warp, i, j) = given[warp].sum[i * 8 + j];
      }
    }
  }
  DeviceArray<HalfFragmentA> device_a(a);
  DeviceArray<HalfFragmentB> device_b(b);
  DeviceArray<FloatFragment> device_sum(sum);
  run_block(multiply_fragments, static_cast<unsigned>(a.size()), 0, static_cast<const HalfFragmentA*>(device_a.data()),
            static_cast<const HalfFragmentB*>(device_b.data()), device_sum.data());
  sum = device_sum.values();
  std::vector<std::vector<float>> result(given.size(), std::vector<float>(128));
  for (std::size_t warp = 0; warp < given.size(); ++warp) {
    for (std::size_t i = 0; i < 16; ++i) {
      for (std::size_t j = 0; j < 8; ++j) result[warp][i * 8 + j] = place_of_sum(warp, i, j);
    }
  }
  return result;
}

TEST(ShimMatrix, EveryPlaceOfEveryFragment) {
  std::vector<Matrices> given(4);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t k = 0; k < 16; ++k) {  // distinct numbers, all of which f16 has
      given[0].a[i * 16 + k] = given[1].a[i * 16 + k] = __half(static_cast<float>(1 + i * 16 + k));
      given[2].a[i * 16 + k] = __half(i == k ? 1.0F : 0.0F);
    }
  }
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      given[0].b[i * 8 + j] = __half(i == j ? 1.0F : 0.0F);
      given[1].b[i * 8 + j] = __half(i == j + 8 ? 1.0F : 0.0F);
      given[2].b[i * 8 + j] = __half(static_cast<float>(1 + i * 8 + j));
      given[3].sum[i * 8 + j] = static_cast<float>(1 + i * 8 + j);
    }
  }
  const std::vector<std::vector<float>> found = multiplied(given);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      ASSERT_EQ(found[0][i * 8 + j], static_cast<float>(1 + i * 16 + j));
      ASSERT_EQ(found[1][i * 8 + j], static_cast<float>(1 + i * 16 + j + 8));
      ASSERT_EQ(found[2][i * 8 + j], static_cast<float>(1 + i * 8 + j));
      ASSERT_EQ(found[3][i * 8 + j], static_cast<float>(1 + i * 8 + j));
    }
  }
}

TEST(ShimMatrix, SumsRoundOnce) {
  std::mt19937 generator(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<Matrices> given(2);
    for (Matrices& warp : given) {
      // In turn any bits, NaN and infinities among them; and numbers near 1.
      const auto draw = [&] {
        const auto bits = static_cast<unsigned>(generator());
        return half_of_bits(round % 4 == 0 ? bits & 0xffffU : (bits & 0x83ffU) | 0x3800U);
      };
      std::generate(warp.a.begin(), warp.a.end(), draw);
      std::generate(warp.b.begin(), warp.b.end(), draw);
      for (float& sum : warp.sum) sum = __half2float(draw()) * 3.1415926F;
    }
    const std::vector<std::vector<float>> found = multiplied(given);
    for (std::size_t warp = 0; warp < given.size(); ++warp) {
      for (std::size_t i = 0; i < 16; ++i) {
        for (std::size_t j = 0; j < 8; ++j) {
          double sum = given[warp].sum[i * 8 + j];
          for (std::size_t k = 0; k < 16; ++k) {
            sum += static_cast<double>(__half2float(given[warp].a[i * 16 + k])) *
                   static_cast<double>(__half2float(given[warp].b[k * 8 + j]));
          }
          const unsigned bits = std::isnan(sum) ? 0x7fffffffU : __float_as_uint(static_cast<float>(sum));
          ASSERT_EQ(__float_as_uint(found[warp][i * 8 + j]), bits) << sum;
        }
      }
    }
  }
}

/// Loads from shared memory, where the halves are numbered through: row r of matrix m is the piece of 16 bytes
/// `pieces[m * 8 + r]`.
template <bool kTransposed>
__global__ void load_numbered(const int* pieces, HalfFragmentA* result) {
  auto* const numbers = static_cast<std::uint16_t*>(shim_dynamic_shared());
  for (unsigned n = threadIdx.x; n < 64 * 8; n += blockDim.x) numbers[n] = static_cast<std::uint16_t>(n);
  __syncthreads();
  const std::uint16_t* const row = numbers + 8 * pieces[threadIdx.x];
  result[threadIdx.x] = kTransposed ? load_matrices_transposed(row) : load_matrices(row);
}

TEST(ShimMatrix, LoadsEveryPlaceOfFourMatrices) {
  std::vector<int> pieces(64);  // of two warps
  std::iota(pieces.begin(), pieces.end(), 0);
  std::shuffle(pieces.begin(), pieces.end(), std::mt19937(3));
  DeviceArray<int> device_pieces(pieces);
  for (const bool transposed : {false, true}) {
    DeviceArray<HalfFragmentA> result(64);
    run_block(transposed ? load_numbered<true> : load_numbered<false>, 64, 64 * 16,
              static_cast<const int*>(device_pieces.data()), result.data());
    const std::vector<HalfFragmentA> found = result.values();
    for (std::size_t matrix = 0; matrix < 8; ++matrix) {
      for (std::size_t row = 0; row < 8; ++row) {
        for (std::size_t column = 0; column < 8; ++column) {
          const std::size_t i = transposed ? column : row, j = transposed ? row : column;
          const unsigned bits = found[matrix / 4 * 32 + i * 4 + j / 2].x[matrix % 4] >> 16 * (j % 2) & 0xffffU;
          ASSERT_EQ(bits, static_cast<unsigned>(pieces[matrix * 8 + row]) * 8 + column);
        }
      }
    }
  }
}

__global__ void load_without_a_barrier(HalfFragmentA* result) {
  auto* const rows = static_cast<uint4*>(shim_dynamic_shared());
  rows[threadIdx.x] = make_uint4(0, 0, 0, 0);
  result[threadIdx.x] = load_matrices(rows + (threadIdx.x + 1) % 32);
}

TEST(ShimMatrix, ALoadWithoutABarrierShows) {
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    set_seed(seed);
    DeviceArray<HalfFragmentA> result(32);
    run_block(load_without_a_barrier, 32, 32 * 16, result.data());
    const std::vector<HalfFragmentA> found = result.values();
    seen += std::any_of(found.begin(), found.end(), [](const HalfFragmentA& one) { return one.x[0] != 0; }) ? 1 : 0;
  }
  EXPECT_GE(seen, 15);
}

__global__ void multiply_with(unsigned lanes) {
  if (threadIdx.x >= lanes) return;
  FloatFragment sum = {};
  multiply_add(sum, HalfFragmentA{}, HalfFragmentB{});
}

__global__ void load_in_two_ways() {
  const auto* const row = static_cast<const uint4*>(shim_dynamic_shared()) + threadIdx.x;
  if (threadIdx.x % 2 == 0) {
    load_matrices(row);
  } else {
    load_matrices_transposed(row);
  }
}

/// Lane 5 loads from `distance` bytes further on, the others from their row; all from `memory`, if any.
__global__ void load_from(const std::byte* memory, int distance) {
  const auto* const first = memory != nullptr ? memory : static_cast<const std::byte*>(shim_dynamic_shared());
  load_matrices(first + threadIdx.x * 16 + (threadIdx.x == 5 ? distance : 0));
}

TEST_F(ShimDeathTest, MatrixOperationsOfPartOfAWarp) {
  run_block(multiply_with, 64, 0, 64U);
  run_block(multiply_with, 64, 0, 32U);
  EXPECT_DEATH(run_block(multiply_with, 20, 0, 64U), "needs all 32 lanes");
  EXPECT_DEATH(run_block(multiply_with, 52, 0, 64U), "needs all 32 lanes");
  EXPECT_DEATH(run_block(multiply_with, 32, 0, 31U), "lanes of a warp wait at a .* matrix operation");
  EXPECT_DEATH(run_block(load_in_two_ways, 32, 32 * 16), "lanes of a warp wait at a .* matrix operation");
}

TEST_F(ShimDeathTest, MatricesFromAnywhereButSharedMemory) {
  DeviceArray<std::byte> global(64 * 16);
  const std::byte *const memory = global.data(), *const none = nullptr;
  run_block(load_from, 32, 32 * 16, none, 26 * 16);
  EXPECT_DEATH(run_block(load_from, 32, 32 * 16, none, 27 * 16), "16 bytes of dynamic shared memory");
  EXPECT_DEATH(run_block(load_from, 32, 32 * 16, none, 26 * 16 + 8), "16 bytes of dynamic shared memory");
  EXPECT_DEATH(run_block(load_from, 32, 32 * 16, none, -6 * 16), "16 bytes of dynamic shared memory");
  EXPECT_DEATH(run_block(load_from, 32, 32 * 16, memory, 0), "16 bytes of dynamic shared memory");
  EXPECT_DEATH(run_block(load_from, 32, 33 * 16, none, 8), "a multiple of 16 bytes.*thread 5,0,0");
}

// ---- memory

TEST(ShimMemory, StartsAsNaNAligned) {
  DeviceArray<float> numbers(1000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % 256, 0U);
  for (const float value : numbers.values()) ASSERT_TRUE(std::isnan(value));
}

TEST(ShimMemory, IsCountedAndLimited) {
  const Held before = held();
  std::size_t free_before = 0, free_now = 0, total = 0;
  EXPECT_CUDA(cudaMemGetInfo(&free_before, &total));
  EXPECT_EQ(total, std::size_t{8} << 30U);
  {
    DeviceArray<std::byte> bytes(1000);
    EXPECT_CUDA(cudaMemGetInfo(&free_now, &total));
    EXPECT_EQ(free_before - free_now, 1024U);
    EXPECT_EQ(held().device_allocations, before.device_allocations + 1);
    EXPECT_EQ(held().device_bytes, before.device_bytes + 1000);
  }
  EXPECT_EQ(held().device_allocations, before.device_allocations);
  EXPECT_GE(held().peak_device_bytes, before.device_bytes + 1000);
  void* too_much = nullptr;
  EXPECT_EQ(cudaMalloc(&too_much, free_before + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
}

TEST(ShimMemory, CopiesMustNameWhatIsWhereAndStayInside) {
  DeviceArray<int> numbers(4);
  std::vector<int> host(8);
  const auto copy = [](void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    const cudaError_t error = cudaMemcpy(to, from, bytes, kind);
    cudaGetLastError();
    return error;
  };
  EXPECT_EQ(copy(numbers.data(), host.data(), 16, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_EQ(copy(numbers.data(), host.data(), 20, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(numbers.data() + 1, host.data(), 16, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), numbers.data(), 16, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), host.data() + 4, 16, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(copy(host.data(), numbers.data(), 16, cudaMemcpyDefault), cudaSuccess);
  EXPECT_EQ(cudaMemset(host.data(), 0, 4), cudaErrorInvalidValue);
  cudaGetLastError();
  cudaPointerAttributes attributes = {};
  EXPECT_CUDA(cudaPointerGetAttributes(&attributes, numbers.data() + 1));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_CUDA(cudaPointerGetAttributes(&attributes, host.data()));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
}

TEST(ShimMemory, CopiesOfTwoDimensions) {
  const std::vector<int> rows{1, 2, 3, 4, 5, 6};
  DeviceArray<int> numbers(std::vector<int>(12, 0));
  EXPECT_CUDA(cudaMemcpy2DAsync(numbers.data(), 16, rows.data(), 8, 8, 3, cudaMemcpyHostToDevice));
  EXPECT_EQ(numbers.values(), (std::vector<int>{1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0}));
}

__global__ void write_at(char* memory, int offset) {
  memory[offset] = 'x';
}

void overrun(int offset) {
  char* memory = nullptr;
  EXPECT_CUDA(cudaMalloc(&memory, 10));
  run_block(write_at, 1, 0, memory, offset);
  EXPECT_CUDA(cudaFree(memory));
}

TEST_F(ShimDeathTest, MemoryWrittenOutsideOrGivenBackWrongly) {
  overrun(9);
  EXPECT_DEATH(overrun(10), "past the end of an allocation of 10 bytes|use-after-poison");
  EXPECT_DEATH(overrun(265), "past the end of an allocation of 10 bytes|use-after-poison");
  EXPECT_DEATH(overrun(-1), "before the start of an allocation|use-after-poison");
  int on_the_host = 0;
  EXPECT_DEATH(cudaFree(&on_the_host), "cudaFree of something");
  EXPECT_DEATH(
      {
        void* memory = nullptr;
        cudaMalloc(&memory, 10);
        cudaFree(memory);
        cudaFree(memory);
      },
      "cudaFree of something");
  EXPECT_DEATH(
      {
        void* memory = nullptr;
        cudaMallocHost(&memory, 10);
        cudaFree(memory);
      },
      "cudaFree of something");
}

#if defined(__SANITIZE_ADDRESS__)
__global__ void read_at(const char* memory, int offset, char* result) {
  *result = memory[offset];
}

TEST_F(ShimDeathTest, UnderTheAddressSanitizerReadsOutsideToo) {
  DeviceArray<char> memory(10), result(1);
  const char* const first = memory.data();
  run_block(read_at, 1, 0, first, 9, result.data());
  EXPECT_DEATH(run_block(read_at, 1, 0, first, 10, result.data()), "use-after-poison");
  EXPECT_DEATH(run_block(read_at, 1, 0, first, -1, result.data()), "use-after-poison");
}
#endif

// ---- streams and events

TEST(ShimStreams, OneStreamKeepsItsOrder) {
  Stream stream;
  DeviceArray<int> number(1);
  int last = 0;
  for (int value = 1; value <= 100; ++value) EXPECT_CUDA(start(set_number, 1, 1, 0, stream, number.data(), value));
  EXPECT_CUDA(cudaMemcpyAsync(&last, number.data(), sizeof(int), cudaMemcpyDeviceToHost, stream));
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(last, 100);
}

/// How many of 40 seeds give a wrong number when one stream reads what another writes.
int wrong_reads(bool waits) {
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    set_seed(seed);
    Stream writer, reader;
    Event written;
    DeviceArray<int> number(std::vector<int>{0});
    Gate gate({writer, reader});
    EXPECT_CUDA(start(set_number, 1, 1, 0, writer, number.data(), 7));
    EXPECT_CUDA(cudaEventRecord(written, writer));
    if (waits) {
      EXPECT_CUDA(cudaStreamWaitEvent(reader, written));
    }
    int seen = 0;
    EXPECT_CUDA(cudaMemcpyAsync(&seen, number.data(), sizeof(int), cudaMemcpyDeviceToHost, reader));
    gate.open();
    EXPECT_CUDA(cudaDeviceSynchronize());
    wrong += seen != 7 ? 1 : 0;
  }
  return wrong;
}

TEST(ShimStreams, AMissingWaitBetweenStreamsShows) {
  EXPECT_EQ(wrong_reads(true), 0);
  const int wrong = wrong_reads(false);
  EXPECT_GE(wrong, 8);
  EXPECT_LE(wrong, 32);
}

TEST(ShimStreams, CopiesReadAndWriteHostMemoryWhenTheyRun) {
  Stream stream;
  DeviceArray<int> number(std::vector<int>{0});
  Gate gate({stream});
  int source = 1, target = -1;
  EXPECT_CUDA(cudaMemcpyAsync(number.data(), &source, sizeof(int), cudaMemcpyHostToDevice, stream));
  EXPECT_CUDA(cudaMemcpyAsync(&target, number.data(), sizeof(int), cudaMemcpyDeviceToHost, stream));
  source = 2;  // too early, as it would be with pinned memory
  EXPECT_EQ(target, -1);
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  gate.open();
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_CUDA(cudaStreamQuery(stream));
  EXPECT_EQ(target, 2);
  cudaGetLastError();
}

/// Of 40 copies each followed by a read on a non-blocking stream: how many reads came too early.
int wrong_reads_after_a_copy(bool from_pinned, bool synchronize) {
  int* pinned = nullptr;
  EXPECT_CUDA(cudaMallocHost(&pinned, sizeof(int)));
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    set_seed(seed);
    Stream stream;
    DeviceArray<int> number(std::vector<int>{0});
    int pageable = 1, seen = -1;
    *pinned = 1;
    EXPECT_CUDA(cudaMemcpy(number.data(), from_pinned ? pinned : &pageable, sizeof(int), cudaMemcpyHostToDevice));
    pageable = 2;  // the copy has it already
    if (synchronize) {
      EXPECT_CUDA(cudaStreamSynchronize(nullptr));
    }
    EXPECT_CUDA(cudaMemcpyAsync(&seen, number.data(), sizeof(int), cudaMemcpyDeviceToHost, stream));
    EXPECT_CUDA(cudaStreamSynchronize(stream));
    EXPECT_TRUE(seen == 0 || seen == 1) << seen;
    wrong += seen == 1 ? 0 : 1;
    EXPECT_EQ(number.values().front(), 1);
  }
  EXPECT_CUDA(cudaFreeHost(pinned));
  return wrong;
}

TEST(ShimStreams, ACopyFromPageableMemoryMayReturnBeforeItIsDone) {
  EXPECT_EQ(wrong_reads_after_a_copy(true, false), 0);
  EXPECT_EQ(wrong_reads_after_a_copy(false, true), 0);
  EXPECT_GE(wrong_reads_after_a_copy(false, false), 1);  // how many depends on the host's pace
}

TEST(ShimStreams, AnOperationThatIsNotReadyLetsOtherStreamsGoOn) {
  Stream stuck, free;
  DeviceArray<int> numbers(std::vector<int>{0, 0});
  Gate gate({stuck});
  EXPECT_CUDA(start(set_number, 1, 1, 0, stuck, numbers.data(), 1));
  EXPECT_CUDA(start(set_number, 1, 1, 0, free, numbers.data() + 1, 2));
  EXPECT_CUDA(cudaStreamSynchronize(free));
  EXPECT_EQ(cudaStreamQuery(stuck), cudaErrorNotReady);
  EXPECT_EQ(numbers.values(), (std::vector<int>{0, 2}));  // the default stream does not wait for non-blocking ones
  gate.open();
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(numbers.values(), (std::vector<int>{1, 2}));
  cudaGetLastError();
}

TEST(ShimStreams, TheDefaultStreamWaitsForBlockingOnesAndTheyForIt) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    set_seed(seed);
    Stream first(cudaStreamDefault), second(cudaStreamDefault);
    std::vector<int> order;  // touched by the device's thread only, until it is waited for
    const auto note = [&order](int number) {
      return [&order, number] {
        order.push_back(number);
        return true;
      };
    };
    enqueue(first, note(1));
    enqueue(second, note(1));
    enqueue(nullptr, note(2));
    enqueue(second, note(3));
    enqueue(first, note(3));
    enqueue(nullptr, note(4));
    EXPECT_CUDA(cudaStreamSynchronize(nullptr));
    EXPECT_EQ(order, (std::vector<int>{1, 1, 2, 3, 3, 4}));
  }
}

TEST(ShimEvents, AWaitIsForWhatWasRecordedLastBeforeIt) {
  Stream recorder, waiter;
  Event event;
  EXPECT_CUDA(cudaEventQuery(event));  // never recorded: nothing to wait for
  EXPECT_CUDA(cudaStreamWaitEvent(waiter, event));
  EXPECT_CUDA(cudaStreamSynchronize(waiter));

  Gate first({recorder});
  EXPECT_CUDA(cudaEventRecord(event, recorder));
  EXPECT_CUDA(cudaStreamWaitEvent(waiter, event));
  Gate second({recorder});
  EXPECT_CUDA(cudaEventRecord(event, recorder));
  EXPECT_EQ(cudaStreamQuery(waiter), cudaErrorNotReady);
  first.open();
  EXPECT_CUDA(cudaStreamSynchronize(waiter));  // the second record is not waited for
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  second.open();
  EXPECT_CUDA(cudaEventSynchronize(event));
  EXPECT_CUDA(cudaEventQuery(event));
  cudaGetLastError();
}

TEST(ShimEvents, MayBeDestroyedWhileWaitedFor) {
  Stream recorder, waiter;
  cudaEvent_t event = nullptr;
  EXPECT_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  Gate gate({recorder});
  EXPECT_CUDA(cudaEventRecord(event, recorder));
  EXPECT_CUDA(cudaStreamWaitEvent(waiter, event));
  EXPECT_CUDA(cudaEventDestroy(event));
  EXPECT_EQ(cudaStreamQuery(waiter), cudaErrorNotReady);
  gate.open();
  EXPECT_CUDA(cudaStreamSynchronize(waiter));
  EXPECT_EQ(cudaEventDestroy(event), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST(ShimEvents, MeasureTime) {
  Event begin, end;
  float milliseconds = -1;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
  EXPECT_CUDA(cudaEventRecord(begin));
  EXPECT_CUDA(cudaEventRecord(end));
  EXPECT_CUDA(cudaEventSynchronize(end));
  EXPECT_CUDA(cudaEventElapsedTime(&milliseconds, begin, end));
  EXPECT_GE(milliseconds, 0.0F);
}

TEST(ShimStreams, HandlesAreCountedAndChecked) {
  const Held before = held();
  cudaStream_t stream = nullptr;
  EXPECT_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, -1));
  EXPECT_EQ(held().streams, before.streams + 1);
  EXPECT_CUDA(cudaStreamDestroy(stream));
  EXPECT_EQ(held().streams, before.streams);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
}

TEST(ShimStreams, KeepTheirPriorityWithinTheDevicesRange) {
  int least = -1, greatest = -1;
  EXPECT_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  EXPECT_GT(least, greatest);
  const std::vector<int> others = stream_priorities();
  for (const auto& [asked, expected] : {std::pair{least, least},
                                        {greatest, greatest},
                                        {greatest + 2, greatest + 2},
                                        {greatest - 1, greatest},
                                        {least + 1, least}}) {
    cudaStream_t stream = nullptr;
    int priority = 99;
    EXPECT_CUDA(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, asked));
    EXPECT_CUDA(cudaStreamGetPriority(stream, &priority));
    EXPECT_EQ(priority, expected);
    std::vector<int> all = others;
    all.push_back(expected);
    EXPECT_EQ(stream_priorities(), all);
    EXPECT_CUDA(cudaStreamDestroy(stream));
  }
  EXPECT_EQ(stream_priorities(), others);
  Stream plain;
  EXPECT_EQ(stream_priorities().back(), 0);
}

TEST(ShimStreams, GivingMemoryBackWaits) {
  Stream stream;
  int* number = nullptr;
  EXPECT_CUDA(cudaMalloc(&number, sizeof(int)));
  Gate gate({stream});
  EXPECT_CUDA(start(set_number, 1, 1, 0, stream, number, 1));
  gate.open();
  EXPECT_CUDA(cudaFree(number));
  EXPECT_CUDA(cudaStreamQuery(stream));
}

TEST(ShimStreams, HostFunctions) {
  Stream stream;
  int called = 0;
  EXPECT_CUDA(cudaLaunchHostFunc(
      stream, [](void* count) { ++*static_cast<int*>(count); }, &called));
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(called, 1);
}

TEST_F(ShimDeathTest, CudaWithinAHostFunction) {
  EXPECT_DEATH(
      {
        enqueue(nullptr, [] {
          cudaMemset(nullptr, 0, 0);
          return true;
        });
        cudaDeviceSynchronize();
      },
      "from a function that runs in a stream");
}

TEST_F(ShimDeathTest, AProcessEndsWithWorkPending) {
  EXPECT_EXIT(
      {
        enqueue(nullptr, [] { return false; });
        std::exit(3);
      },
      ::testing::ExitedWithCode(3), "");
}

TEST(ShimStreams, AfterAFailedKernelEveryCallFails) {
  Stream stream;
  DeviceArray<int> number(1);
  alignment::cuda_shim::break_device(cudaErrorIllegalAddress);
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(start(set_number, 1, 1, 0, stream, number.data(), 1), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaStreamQuery(stream), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  }
  alignment::cuda_shim::break_device(cudaSuccess);
  EXPECT_CUDA(start(set_number, 1, 1, 0, stream, number.data(), 1));
}

// ---- devices

TEST(ShimDevices, OneUnlessToldOtherwise) {
  int count = 0;
  EXPECT_CUDA(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  cudaGetLastError();
  cudaDeviceProp properties = {};
  EXPECT_CUDA(cudaGetDeviceProperties(&properties, 0));
  EXPECT_STREQ(properties.name, "emulated GPU");
  EXPECT_GT(properties.multiProcessorCount, 0);
}

TEST_F(ShimDeathTest, NoDevice) {
  EXPECT_EXIT(
      {
        setenv("DEJAVID_SHIM_DEVICES", "0", 1);
        int count = -1;
        void* memory = nullptr;
        const bool refused = cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0 &&
                             cudaMalloc(&memory, 1) == cudaErrorNoDevice;
        std::exit(refused ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(ShimDeathTest, TheOnlyVisibleDeviceIsOneOfTheMachines) {
  EXPECT_EXIT(
      {
        setenv("DEJAVID_SHIM_FIRST", "2", 1);
        int count = 0;
        char place[16] = {};
        cudaDeviceProp properties = {};
        const bool asked = cudaGetDeviceCount(&count) == cudaSuccess && count == 1 &&
                           cudaDeviceGetPCIBusId(place, 16, 0) == cudaSuccess &&
                           cudaGetDeviceProperties(&properties, 0) == cudaSuccess;
        std::exit(asked && std::string(place) == "0000:03:00.0" && properties.pciBusID == 3 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(ShimDeathTest, SeveralDevices) {
  EXPECT_EXIT(
      {
        setenv("DEJAVID_SHIM_DEVICES", "3", 1);
        std::set<std::string> places;
        for (int device = 0; device < 3; ++device) {
          char place[16];
          if (cudaSetDevice(device) == cudaSuccess && cudaDeviceGetPCIBusId(place, 16, device) == cudaSuccess)
            places.insert(place);
        }
        std::exit(places.size() == 3 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
