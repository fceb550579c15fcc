#pragma once

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <nccl.h>

namespace alignment::nccl_stand_in {

/// What a communicator shares with its collectives, which may outlive it on their streams.
struct World {
  int rank = 0;
  int size = 1;
  MPI_Comm mpi = MPI_COMM_NULL;  ///< none for one rank
  std::atomic<ncclResult_t> error = ncclSuccess;
  std::atomic<bool> aborted = false;
  std::atomic<std::uint64_t> ended =
      0;  ///< collectives that have ended: they run one at a time, in the order of their calls
};

/// One collective on a stream, worked off step by step by the device thread.
class Collective {
 public:
  /// `root` below 0: the sum of floats over all ranks; else a copy of the root's bytes.
  Collective(std::shared_ptr<World> world, std::uint64_t number, const void* send, void* receive, std::size_t bytes,
             int root);
  ~Collective();
  Collective(const Collective&) = delete;
  Collective& operator=(const Collective&) = delete;

  /// The next step; true at the end.
  [[nodiscard]] bool go_on();

 private:
  enum class Stage : std::uint8_t { kQueued, kStuck, kMoving, kLate };

  void start();
  /// Starts exchanging the piece at position_.
  void send_piece();
  void receive_piece();
  [[nodiscard]] bool moved();
  [[nodiscard]] std::size_t piece_bytes() const;

  std::shared_ptr<World> world_;
  std::uint64_t number_;
  const std::byte* send_;
  std::byte* receive_;
  std::size_t bytes_;
  int root_;

  Stage stage_ = Stage::kQueued;
  std::chrono::steady_clock::time_point started_;
  std::size_t position_ = 0;
  MPI_Request request_ = MPI_REQUEST_NULL;
  /// MPI works on these, not on the GPU's memory, which may be freed after an abort.
  std::vector<std::byte> mine_;
  std::vector<std::byte> everyones_;
};

}  // namespace alignment::nccl_stand_in
