// One suite for every backend, under mpirun with one GPU a rank: emulated ones, or in the preset cuda real ones. Where
// values are small integers, sums are exact and compared without tolerance.
#include "dist/device_communicator.hpp"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dist/agreement.hpp"
#include "dist/errors.hpp"

namespace alignment::dist {
namespace {

constexpr std::chrono::seconds kTimeout{60};

void check(cudaError_t result) {
  if (result != cudaSuccess) throw std::runtime_error(cudaGetErrorString(result));
}

struct DeviceArray {
  explicit DeviceArray(const std::vector<float>& values) : count(values.size()) {
    check(cudaMalloc(reinterpret_cast<void**>(&data), std::max<std::size_t>(count, 1) * sizeof(float)));
    check(cudaMemcpy(data, values.data(), count * sizeof(float), cudaMemcpyHostToDevice));
    check(cudaDeviceSynchronize());  // a copy from pageable memory may return before it is done
  }
  ~DeviceArray() { cudaFree(data); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> copy(count);
    check(cudaMemcpy(copy.data(), data, count * sizeof(float), cudaMemcpyDeviceToHost));
    return copy;
  }
  [[nodiscard]] std::span<float> span() const { return {data, count}; }

  float* data = nullptr;
  std::size_t count;
};

struct Stream {
  Stream() { check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t handle = nullptr;
};

/// Stops a stream until it is opened.
struct Gate {
  static void CUDART_CB hold(void* gate) {
    while (!static_cast<Gate*>(gate)->open) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void close(cudaStream_t stream) { check(cudaLaunchHostFunc(stream, hold, this)); }
  std::atomic<bool> open = false;
};

int device_count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
  return count;
}

enum class Backend : std::uint8_t { kSelf, kStaged, kNccl };

class DeviceCommunicatorTest : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    if (device_count() == 0) GTEST_SKIP() << "found no GPU";
    communicator_ = make_mpi_communicator(kTimeout);
    check(cudaSetDevice(communicator_->topology().local_rank.value % device_count()));
    if (GetParam() == Backend::kSelf && world() > 1) GTEST_SKIP() << "for one rank";
    if (GetParam() == Backend::kNccl && world() > device_count()) GTEST_SKIP() << "fewer GPUs than ranks";
    device_ = make(kTimeout);
  }

  std::unique_ptr<DeviceCommunicator> make(std::chrono::duration<double> timeout) {
    switch (GetParam()) {
      case Backend::kSelf:
        return make_self_device_communicator();
      case Backend::kStaged:
        return make_staged_device_communicator(*communicator_);
      case Backend::kNccl:
        return make_nccl_device_communicator(*communicator_, timeout);
    }
    throw std::logic_error("unknown backend");
  }

  [[nodiscard]] int rank() const { return communicator_->rank().value; }
  [[nodiscard]] int world() const { return communicator_->size().value; }

  /// -6 .. 6
  static float value(int of_rank, std::size_t index) {
    return static_cast<float>((index * 7 + static_cast<std::size_t>(of_rank) * 5 + index / 13) % 13) - 6;
  }
  [[nodiscard]] std::vector<float> values(std::size_t count) const {
    std::vector<float> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i] = value(rank(), i);
    return result;
  }
  [[nodiscard]] std::vector<float> sums(std::size_t count) const {
    std::vector<float> result(count);
    for (std::size_t i = 0; i < count; ++i) {
      for (int r = 0; r < world(); ++r) result[i] += value(r, i);
    }
    return result;
  }

  void wait_for(cudaStream_t stream) {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    check(cudaEventRecord(event, stream));
    device_->wait(event);
    check(cudaEventDestroy(event));
  }

  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<DeviceCommunicator> device_;
};

TEST_P(DeviceCommunicatorTest, SumsAreExact) {
  const Stream stream;
  for (const unsigned count : {0U, 1U, 63U, 64U, 65U, 1023U, 1'000'003U}) {
    const DeviceArray array(values(count));
    device_->all_reduce(array.span(), stream.handle);
    wait_for(stream.handle);
    EXPECT_TRUE(array.values() == sums(count)) << "count " << count;
  }
}

TEST_P(DeviceCommunicatorTest, LongSpansAreCutWithoutATrace) {
  const Stream stream;
  // Three pieces through host memory, the last one partly filled; longer, then shorter.
  for (const std::size_t count : {std::size_t{9'000'017}, std::size_t{5'000'011}}) {
    const DeviceArray array(values(count));
    device_->all_reduce(array.span(), stream.handle);
    wait_for(stream.handle);
    EXPECT_TRUE(array.values() == sums(count)) << "count " << count;
  }
}

TEST_P(DeviceCommunicatorTest, WhatLiesAroundASpanStays) {
  const Stream stream;
  const DeviceArray array(values(101));
  device_->all_reduce(array.span().subspan(3, 90), stream.handle);
  wait_for(stream.handle);
  const std::vector<float> before = values(101);
  std::vector<float> expected = sums(101);
  std::copy_n(before.begin(), 3, expected.begin());
  std::copy(before.begin() + 93, before.end(), expected.begin() + 93);
  EXPECT_TRUE(array.values() == expected);
}

TEST_P(DeviceCommunicatorTest, EveryRankEndsWithTheSameBits) {
  constexpr std::size_t kCount = 100'003;
  std::mt19937 random(static_cast<unsigned>(rank()) + 1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> mine(kCount);
  for (float& one : mine) one = uniform(random);
  std::vector<double> exact(mine.begin(), mine.end());
  communicator_->all_reduce(std::span<double>(exact), Reduction::kSum);

  const Stream stream;
  const DeviceArray array(mine);
  device_->all_reduce(array.span(), stream.handle);
  wait_for(stream.handle);

  const std::vector<float> result = array.values();
  std::uint64_t digest = 0;
  // world - 1 additions, each off by half a unit of a sum that is at most `world`.
  const double bound = (world() - 1) * world() * 0.5 * std::numeric_limits<float>::epsilon();
  std::size_t far_off = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &result[i], sizeof(bits));
    digest = digest * 1'099'511'628'211U + bits;
    if (!(std::abs(result[i] - exact[i]) <= bound)) ++far_off;
  }
  EXPECT_EQ(far_off, 0U);
  EXPECT_TRUE(same_on_all_ranks(*communicator_, digest));
}

TEST_P(DeviceCommunicatorTest, ANotANumberOnOneRankReachesAll) {
  const Stream stream;
  for (int bad = 0; bad < world(); ++bad) {
    std::vector<float> mine(300, 1);
    if (rank() == bad) mine[150] = std::numeric_limits<float>::quiet_NaN();
    const DeviceArray array(mine);
    device_->all_reduce(array.span(), stream.handle);
    wait_for(stream.handle);
    const std::vector<float> result = array.values();
    EXPECT_TRUE(std::isnan(result[150]));
    EXPECT_EQ(result[151], static_cast<float>(world()));
  }
}

TEST_P(DeviceCommunicatorTest, FollowsItsStreamAndIsFollowed) {
  constexpr std::size_t kCount = 4096;
  constexpr std::size_t kBytes = kCount * sizeof(float);
  const Stream stream;
  const DeviceArray array(std::vector<float>(kCount, -1));
  const DeviceArray copy(std::vector<float>(kCount, -2));
  const DeviceArray source(values(kCount));
  std::vector<float> expected = sums(kCount);
  for (int repeat = 0; repeat < 20; ++repeat) {
    check(cudaMemcpyAsync(array.data, source.data, kBytes, cudaMemcpyDeviceToDevice, stream.handle));
    device_->all_reduce(array.span(), stream.handle);
    check(cudaMemcpyAsync(copy.data, array.data, kBytes, cudaMemcpyDeviceToDevice, stream.handle));
    check(cudaMemsetAsync(array.data, 0xFF, kBytes, stream.handle));
    if (repeat % 7 == 0) wait_for(stream.handle);
  }
  wait_for(stream.handle);
  EXPECT_TRUE(copy.values() == expected);
}

/// With other work in between, so that what is enqueued on different streams at the same time changes places.
TEST_P(DeviceCommunicatorTest, SeveralAreUnderWayOnSeveralStreams) {
  constexpr std::size_t kStreams = 3;
  const std::vector<Stream> streams(kStreams);
  const Stream busy;
  const DeviceArray other(std::vector<float>(10'000));
  for (int repeat = 0; repeat < 10; ++repeat) {
    std::vector<std::unique_ptr<DeviceArray>> arrays;
    for (std::size_t i = 0; i < 12; ++i) arrays.push_back(std::make_unique<DeviceArray>(values(1000 * (i + 1))));
    for (int i = 0; i < 2000; ++i) {
      check(cudaMemsetAsync(other.data, i % 256, other.count * sizeof(float), busy.handle));
    }
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      device_->all_reduce(arrays[i]->span(), streams[i * i % kStreams].handle);
    }
    for (const Stream& stream : streams) wait_for(stream.handle);
    for (const auto& array : arrays) EXPECT_TRUE(array->values() == sums(array->count)) << array->count;
  }
}

/// More collectives than the host may run ahead, on a stream that stands still until the host does.
TEST_P(DeviceCommunicatorTest, TheHostRunsFarAheadAndNoFurther) {
  constexpr std::size_t kCount = 100;
  constexpr int kSteps = 1500;
  const Stream stream;
  const DeviceArray source(values(kCount));
  const DeviceArray array(std::vector<float>(kCount, -1));
  Gate gate;
  if (device_->asynchronous()) gate.close(stream.handle);
  std::atomic<int> step = 0;
  int reached = -1;
  std::thread opener([&] {
    while (reached != step) {
      reached = step;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    gate.open = true;
  });
  for (; step < kSteps; ++step) {
    device_->set_step(step);
    check(cudaMemcpyAsync(array.data, source.data, kCount * sizeof(float), cudaMemcpyDeviceToDevice, stream.handle));
    device_->all_reduce(array.span(), stream.handle);
  }
  wait_for(stream.handle);
  opener.join();
  EXPECT_TRUE(array.values() == sums(kCount));
  if (GetParam() == Backend::kNccl) {
    EXPECT_LT(reached, kSteps);
  }
}

TEST_P(DeviceCommunicatorTest, OnlyEnqueuesWhereItSaysSo) {
  EXPECT_EQ(device_->asynchronous(), GetParam() != Backend::kStaged);
  if (!device_->asynchronous()) GTEST_SKIP() << "waits for its stream";
  const Stream stream;
  const DeviceArray array(values(100));
  Gate gate;
  gate.close(stream.handle);
  device_->all_reduce(array.span(), stream.handle);
  device_->all_reduce(array.span().first(0), stream.handle);
  EXPECT_EQ(cudaStreamQuery(stream.handle), cudaErrorNotReady);
  static_cast<void>(cudaGetLastError());
  gate.open = true;
  wait_for(stream.handle);
  EXPECT_TRUE(array.values() == sums(100));
}

TEST_P(DeviceCommunicatorTest, TheTimeOfTheWorkBeforeACollectiveDoesNotCount) {
  if (world() > 1) GTEST_SKIP() << "for one rank: others may be late";
  device_ = make(std::chrono::milliseconds(500));
  const Stream stream;
  const DeviceArray array(values(100));
  Gate gate;
  gate.close(stream.handle);
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    gate.open = true;
  });
  device_->all_reduce(array.span(), stream.handle);
  EXPECT_NO_THROW(wait_for(stream.handle));
  opener.join();
}

TEST_P(DeviceCommunicatorTest, AbortingNothingDoesNothing) {
  device_->abort();
  const Stream stream;
  const DeviceArray array(values(100));
  device_->all_reduce(array.span(), stream.handle);
  wait_for(stream.handle);
  device_->abort();
  EXPECT_TRUE(array.values() == sums(100));
}

TEST_P(DeviceCommunicatorTest, SeveralCommunicatorsDoNotMeet) {
  const std::unique_ptr<DeviceCommunicator> other = make(kTimeout);
  const Stream stream;
  const DeviceArray first(values(1000));
  const DeviceArray second(std::vector<float>(1000, 2));
  device_->all_reduce(first.span(), stream.handle);
  other->all_reduce(second.span(), stream.handle);
  wait_for(stream.handle);
  EXPECT_TRUE(first.values() == sums(1000));
  EXPECT_TRUE(second.values() == std::vector<float>(1000, static_cast<float>(2 * world())));
}

TEST_P(DeviceCommunicatorTest, LeavesNoErrorBehind) {
  const Stream stream;
  const DeviceArray array(values(100'000));
  device_->all_reduce(array.span(), stream.handle);
  wait_for(stream.handle);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);  // a kernel's launch would take it for its own
}

INSTANTIATE_TEST_SUITE_P(Backends, DeviceCommunicatorTest,
                         testing::Values(Backend::kSelf, Backend::kStaged, Backend::kNccl),
                         [](const testing::TestParamInfo<Backend>& backend) {
                           if (backend.param == Backend::kSelf) return "self";
                           return backend.param == Backend::kStaged ? "staged" : "nccl";
                         });

TEST(NcclDeviceCommunicator, RefusesRanksThatShareAGpu) {
  if (device_count() == 0) GTEST_SKIP() << "found no GPU";
  const std::unique_ptr<Communicator> communicator = make_mpi_communicator(kTimeout);
  if (communicator->size().value == 1) GTEST_SKIP() << "for several ranks";
  check(cudaSetDevice(0));
  try {
    static_cast<void>(make_nccl_device_communicator(*communicator, kTimeout));
    ADD_FAILURE() << "two ranks on one GPU were accepted";
  } catch (const LaunchError& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.find("dist.backend: found ranks 0 and 1 on one GPU ("), 0U) << line;
    EXPECT_NE(line.find(host_name()), std::string::npos) << line;
    EXPECT_NE(line.find("dist.backend = \"mpi\""), std::string::npos) << line;
  }
}

TEST(NcclDeviceCommunicator, RefusesASenselessDeadline) {
  const std::unique_ptr<Communicator> communicator = make_self_communicator();
  EXPECT_THROW(static_cast<void>(make_nccl_device_communicator(*communicator, std::chrono::seconds(0))),
               std::invalid_argument);
}

TEST(NcclDeviceCommunicator, NeedsNoMpiForOneRank) {
  if (device_count() == 0) GTEST_SKIP() << "found no GPU";
  int world = 0;
  {
    const std::unique_ptr<Communicator> everyone = make_mpi_communicator(kTimeout);
    world = everyone->size().value;
    check(cudaSetDevice(everyone->topology().local_rank.value % device_count()));
  }
  if (world > 1) GTEST_SKIP() << "for one rank";
  const std::unique_ptr<Communicator> self = make_self_communicator();
  const std::unique_ptr<DeviceCommunicator> device = make_nccl_device_communicator(*self, kTimeout);
  const Stream stream;
  const DeviceArray array(std::vector<float>(10, 3));
  device->all_reduce(array.span(), stream.handle);
  check(cudaStreamSynchronize(stream.handle));
  EXPECT_TRUE(array.values() == std::vector<float>(10, 3));
}

TEST(NcclVersion, IsThatOfTheLibrary) {
  const std::string version = nccl_version();
  EXPECT_EQ(std::count(version.begin(), version.end(), '.'), 2) << version;
  EXPECT_EQ(version.find("2."), 0U) << version;
}

}  // namespace
}  // namespace alignment::dist
