// Ranks that add up arrays in GPU memory three times while something goes wrong, as test_device_faults.py asks for:
//   device_faults MODE TIMEOUT_SECONDS GRACE_SECONDS
// besides what DEJAVID_NCCL_FAULT asks of the stand-in. Every rank that notices prints one line and ends the job: 14
// after a timeout, 15 after a lost rank, 2 after a wrong launch.
#include <cuda_runtime.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "dist/communicator.hpp"
#include "dist/device_communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi/session.hpp"

namespace {

using namespace alignment::dist;

constexpr std::size_t kCount = 1000;
constexpr std::chrono::seconds kHostTimeout{1000};

void check(cudaError_t result) {
  if (result != cudaSuccess) throw std::runtime_error(cudaGetErrorString(result));
}

struct Gpu {
  explicit Gpu(int local_rank) {
    int devices = 0;
    check(cudaGetDeviceCount(&devices));
    check(cudaSetDevice(local_rank % devices));
    check(cudaMalloc(reinterpret_cast<void**>(&values), kCount * sizeof(float)));
    check(cudaMemset(values, 0, kCount * sizeof(float)));
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
  }
  float* values = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
};

void misbehave(const std::string& mode) {
  if (mode == "kill") std::raise(SIGKILL);
  if (mode == "stop") std::raise(SIGSTOP);
  if (mode == "exit") _exit(3);
  if (mode == "throw") throw std::runtime_error("rank 1 leaves without a word to the others");
}

/// Stops this process for a while, as a scheduler does that suspends a job.
void stand_still() {
  const pid_t stopped = getpid();
  if (fork() != 0) return;
  usleep(200'000);
  kill(stopped, SIGSTOP);
  usleep(2'000'000);
  kill(stopped, SIGCONT);
  _exit(0);
}

void train(const std::string& mode, Communicator& communicator, DeviceCommunicator& device, const Gpu& gpu) {
  for (int step = 0; step < 3; ++step) {
    if (step == 1 && communicator.rank().value == 1) misbehave(mode);
    if (mode == "pause") setenv("DEJAVID_NCCL_DELAY_MS", step == 1 ? "2800" : "0", 1);
    device.set_step(step);
    device.all_reduce(std::span<float>(gpu.values, kCount), gpu.stream);
    check(cudaEventRecord(gpu.event, gpu.stream));
    if (mode == "abort" && step == 1) return;
    if (mode == "pause" && step == 1) stand_still();
    if (mode == "block") {
      check(cudaStreamSynchronize(gpu.stream));
    } else {
      device.wait(gpu.event);
    }
  }
}

/// cudaFree waits for the streams, so that it returns only where nothing hangs there any more.
void give_up(DeviceCommunicator& device, const Gpu& gpu) {
  device.abort();
  check(cudaFree(gpu.values));
  std::fprintf(stderr, "freed\n");
}

void try_again(DeviceCommunicator& device, const Gpu& gpu, const std::string& first) {
  try {
    device.all_reduce(std::span<float>(gpu.values, kCount), gpu.stream);
  } catch (const std::runtime_error& error) {
    if (first == error.what()) std::fprintf(stderr, "the same again\n");
  } catch (const std::logic_error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

int job(const std::string& mode, std::chrono::duration<double> timeout, std::chrono::duration<double> grace,
        int argument_count, char** arguments) {
  std::unique_ptr<MpiSession> session;
  std::unique_ptr<Communicator> communicator = make_self_communicator();
  if (started_by_launcher()) {
    session = std::make_unique<MpiSession>(argument_count, arguments, kHostTimeout);
    communicator = make_mpi_communicator(kHostTimeout);
  }
  try {
    const Gpu gpu(communicator->topology().local_rank.value);
    const auto device = make_nccl_device_communicator(*communicator, timeout, grace);
    try {
      train(mode, *communicator, *device, gpu);
      if (mode == "abort") {
        give_up(*device, gpu);
        try_again(*device, gpu, "");
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "error: %s\n", error.what());
      if (mode == "linger") pause();
      give_up(*device, gpu);
      try_again(*device, gpu, error.what());
      throw;
    }
  } catch (const TimeoutError& error) {
    std::fprintf(stderr, "timeout: %s\n", error.what());
    abort_all_ranks(14);
  } catch (const RankLostError&) {
    abort_all_ranks(15);
  } catch (const LaunchError& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    abort_all_ranks(2);
  }
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 4) {
    std::fprintf(stderr, "usage: device_faults MODE TIMEOUT_SECONDS GRACE_SECONDS\n");
    return 2;
  }
  try {
    return job(arguments[1], std::chrono::duration<double>(std::atof(arguments[2])),
               std::chrono::duration<double>(std::atof(arguments[3])), argument_count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
