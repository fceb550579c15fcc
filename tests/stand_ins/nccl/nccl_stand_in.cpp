#include <mpi.h>
#include <nccl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collective.hpp"
#include "cuda_shim.hpp"
#include "faults.hpp"

using alignment::nccl_stand_in::Collective;
using alignment::nccl_stand_in::fault;
using alignment::nccl_stand_in::World;

namespace {

/// How often a call has to be polled before it has done its part.
constexpr int kPolls = 3;

thread_local std::string last_error;

ncclResult_t refuse(ncclResult_t result, const char* why) {
  last_error = why;
  return result;
}

[[noreturn]] void never_return() {
  for (;;) pause();
}

}  // namespace

struct ncclComm {
  enum class State { kConnecting, kComparing, kReady, kBusy, kFinalizing };

  std::shared_ptr<World> world = std::make_shared<World>();
  bool blocking = true;
  State state = State::kConnecting;
  ncclUniqueId id{};
  ncclUniqueId id_of_rank_0{};
  MPI_Request request = MPI_REQUEST_NULL;
  int polls_left = 0;
  std::vector<std::function<void()>> unsent;  ///< collectives on their way to their streams
  std::uint64_t issued = 0;
  std::atomic<bool> inside = false;
};

namespace {

/// A thread inside the library. NCCL leaves it open what two at a time do; here they end the process.
class Inside {
 public:
  explicit Inside(ncclComm_t comm) : comm_(comm) {
    if (comm_->inside.exchange(true)) {
      std::fprintf(stderr, "NCCL stand-in: two threads inside one communicator\n");
      std::abort();
    }
    if (alignment::nccl_stand_in::time_of_a_call().count() > 0)
      std::this_thread::sleep_for(alignment::nccl_stand_in::time_of_a_call());
  }
  ~Inside() { comm_->inside = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  ncclComm_t comm_;
};

bool request_done(ncclComm_t comm) {
  int done = 0;
  if (MPI_Test(&comm->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) comm->world->error = ncclSystemError;
  return done != 0;
}

void start_connecting(ncclComm_t comm) {
  const World& world = *comm->world;
  if (fault("refuse-init", world.rank)) {
    comm->world->error = refuse(ncclSystemError, "refused\nas asked for");
  } else if (world.size > 1 && !fault("stuck-init", world.rank) &&
             MPI_Comm_idup(MPI_COMM_WORLD, &comm->world->mpi, &comm->request) != MPI_SUCCESS) {
    comm->world->error = ncclSystemError;
  }
}

/// Connects the ranks and compares their ids, a step at a time.
void go_on_connecting(ncclComm_t comm) {
  World& world = *comm->world;
  if (fault("stuck-init", world.rank) || comm->polls_left-- > 0) return;
  if (world.size == 1) {
    comm->state = ncclComm::State::kReady;
  } else if (!request_done(comm)) {
    return;
  } else if (comm->state == ncclComm::State::kConnecting) {
    comm->id_of_rank_0 = comm->id;
    MPI_Ibcast(comm->id_of_rank_0.internal, NCCL_UNIQUE_ID_BYTES, MPI_BYTE, 0, world.mpi, &comm->request);
    comm->state = ncclComm::State::kComparing;
  } else {
    const bool same = std::memcmp(&comm->id, &comm->id_of_rank_0, sizeof(ncclUniqueId)) == 0;
    if (!same) world.error = refuse(ncclInvalidArgument, "the id is not rank 0's");
    comm->state = ncclComm::State::kReady;
  }
}

void send_to_streams(ncclComm_t comm) {
  for (const std::function<void()>& send : comm->unsent) send();
  comm->unsent.clear();
  comm->state = ncclComm::State::kReady;
}

ncclResult_t state_of(ncclComm_t comm) {
  if (const ncclResult_t error = comm->world->error; error != ncclSuccess) return error;
  return comm->state == ncclComm::State::kReady ? ncclSuccess : ncclInProgress;
}

void go_on(ncclComm_t comm) {
  switch (comm->state) {
    case ncclComm::State::kConnecting:
    case ncclComm::State::kComparing:
      go_on_connecting(comm);
      break;
    case ncclComm::State::kBusy:
      if (!fault("late-call", comm->world->rank, comm->issued) && comm->polls_left-- <= 0) send_to_streams(comm);
      break;
    case ncclComm::State::kFinalizing:
      if (!fault("stuck-finalize", comm->world->rank) && comm->world->ended == comm->issued)
        comm->state = ncclComm::State::kReady;
      break;
    case ncclComm::State::kReady:
      break;
  }
}

/// Blocking communicators: as if they were polled.
ncclResult_t finish_if_blocking(ncclComm_t comm) {
  if (!comm->blocking) return ncclInProgress;
  while (state_of(comm) == ncclInProgress) {
    go_on(comm);
    usleep(100);
  }
  return state_of(comm);
}

ncclResult_t launch(ncclComm_t comm) {
  comm->state = ncclComm::State::kBusy;
  comm->polls_left = kPolls;
  return finish_if_blocking(comm);
}

ncclResult_t require_ready(ncclComm_t comm) {
  const ncclResult_t state = state_of(comm);
  if (state != ncclInProgress) return state;
  return refuse(ncclInvalidArgument, "a call before the previous one returned ncclSuccess");
}

thread_local int group_depth = 0;
thread_local std::vector<ncclComm_t> group;

bool on_gpu(const void* memory) {
  cudaPointerAttributes attributes{};
  return cudaPointerGetAttributes(&attributes, memory) == cudaSuccess && attributes.type == cudaMemoryTypeDevice;
}

ncclResult_t issue(ncclComm_t comm, const void* send, void* receive, std::size_t bytes, int root, cudaStream_t stream) {
  const Inside inside(comm);
  if (const ncclResult_t ready = require_ready(comm); ready != ncclSuccess) return ready;
  if (bytes > 0 && (!on_gpu(send) || !on_gpu(receive)))
    return refuse(ncclInvalidArgument, "a pointer that is not to GPU memory");
  const std::uint64_t number = ++comm->issued;
  if (fault("stuck-call", comm->world->rank, number)) never_return();
  const auto collective = std::make_shared<Collective>(comm->world, number, send, receive, bytes, root);
  comm->unsent.emplace_back(
      [collective, stream] { alignment::cuda_shim::enqueue(stream, [collective] { return collective->go_on(); }); });
  if (group_depth == 0) return launch(comm);
  if (group.empty() || group.back() != comm) group.push_back(comm);
  return ncclSuccess;
}

/// MPI's own communicator goes, unless something may still use it.
void release(ncclComm_t comm) {
  if (comm->world->mpi != MPI_COMM_NULL && comm->world->ended == comm->issued) MPI_Comm_free(&comm->world->mpi);
  delete comm;
}

}  // namespace

extern "C" {

/// The program asks for MPI on its main thread only, but here the device thread speaks to MPI as well.
int MPI_Init_thread(int* argument_count, char*** arguments, int, int* provided) {
  return PMPI_Init_thread(argument_count, arguments, MPI_THREAD_MULTIPLE, provided);
}

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (fault("refuse-id", 0)) return refuse(ncclSystemError, "no network interface");
  std::random_device random;
  for (char& byte : id->internal) byte = static_cast<char>(random());
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  static constexpr std::array<const char*, 8> kTexts{"no error",
                                                     "unhandled cuda error",
                                                     "unhandled system error",
                                                     "internal error",
                                                     "invalid argument",
                                                     "invalid usage",
                                                     "remote process exited or there was a network error",
                                                     "NCCL operation in progress"};
  return kTexts[result];
}

const char* ncclGetLastError(ncclComm_t) {
  return last_error.c_str();
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  int mpi_rank = 0;
  int mpi_size = 1;
  int mpi_threads = MPI_THREAD_MULTIPLE;
  if (ranks > 1) {
    MPI_Comm_rank(MPI_COMM_WORLD, &mpi_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &mpi_size);
    MPI_Query_thread(&mpi_threads);
  }
  if (ranks != mpi_size || rank != mpi_rank) return refuse(ncclInvalidArgument, "ranks that are not MPI's");
  if (mpi_threads != MPI_THREAD_MULTIPLE) return refuse(ncclSystemError, "an MPI without MPI_THREAD_MULTIPLE");
  if (config->magic != 0xcafebeef) return refuse(ncclInvalidArgument, "a configuration without its initializer");

  *comm = new ncclComm;
  (*comm)->world->rank = rank;
  (*comm)->world->size = ranks;
  (*comm)->blocking = config->blocking != 0;
  (*comm)->id = id;
  (*comm)->polls_left = kPolls;
  start_connecting(*comm);
  return finish_if_blocking(*comm);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  const Inside inside(comm);
  if (state_of(comm) == ncclInProgress) go_on(comm);
  *state = state_of(comm);
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  const Inside inside(comm);
  if (const ncclResult_t ready = require_ready(comm); ready != ncclSuccess) return ready;
  comm->state = ncclComm::State::kFinalizing;
  return finish_if_blocking(comm);
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  {
    const Inside inside(comm);
    if (const ncclResult_t ready = require_ready(comm); ready != ncclSuccess) return ready;
  }
  release(comm);
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  {
    const Inside inside(comm);
    if (fault("stuck-abort", comm->world->rank)) never_return();
    comm->world->aborted = true;
  }
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* send, void* receive, std::size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  if (type != ncclFloat32 || operation != ncclSum) return refuse(ncclInvalidArgument, "not a sum of float32");
  return issue(comm, send, receive, count * sizeof(float), -1, stream);
}

ncclResult_t ncclBroadcast(const void* send, void* receive, std::size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  static constexpr std::array<std::size_t, 9> kSizes{1, 1, 4, 4, 8, 8, 2, 4, 8};
  return issue(comm, send, receive, count * kSizes[type], root, stream);
}

ncclResult_t ncclGroupStart() {
  ++group_depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (group_depth == 0) return refuse(ncclInvalidUsage, "ncclGroupEnd without ncclGroupStart");
  if (--group_depth > 0) return ncclSuccess;
  ncclResult_t result = ncclSuccess;
  for (const ncclComm_t comm : std::exchange(group, {})) {
    const Inside inside(comm);
    result = launch(comm);
  }
  return result;
}

}  // extern "C"
