#include "collective.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "faults.hpp"

namespace alignment::nccl_stand_in {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 22;
constexpr std::size_t kChunk = 64;  // elements summed in the same order

/// MPI cannot take back a collective: what it may still write to stays.
void keep_for_ever(std::vector<std::byte> mine, std::vector<std::byte> everyones) {
  static std::mutex mutex;
  static auto* kept = new std::vector<std::vector<std::byte>>;
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(mine));
  kept->push_back(std::move(everyones));
}

float value(const std::vector<std::byte>& bytes, std::size_t index) {
  float one = 0;
  std::memcpy(&one, bytes.data() + index * sizeof(float), sizeof(float));
  return one;
}

/// Rank (i / kChunk) % ranks comes first in the sum of element i, as in a ring.
void add_up(std::byte* sums, const std::vector<std::byte>& everyones, std::size_t count, std::size_t ranks,
            std::size_t first_index) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = (first_index + i) / kChunk % ranks;
    float sum = value(everyones, first * count + i);
    for (std::size_t r = 1; r < ranks; ++r) sum += value(everyones, (first + r) % ranks * count + i);
    std::memcpy(sums + i * sizeof(float), &sum, sizeof(float));
  }
}

}  // namespace

Collective::Collective(std::shared_ptr<World> world, std::uint64_t number, const void* send, void* receive,
                       std::size_t bytes, int root)
    : world_(std::move(world)),
      number_(number),
      send_(static_cast<const std::byte*>(send)),
      receive_(static_cast<std::byte*>(receive)),
      bytes_(bytes),
      root_(root) {}

Collective::~Collective() {
  if (request_ != MPI_REQUEST_NULL) keep_for_ever(std::move(mine_), std::move(everyones_));
}

bool Collective::go_on() {
  if (world_->aborted) return true;
  if (stage_ == Stage::kQueued && world_->ended == number_ - 1) start();
  while (stage_ == Stage::kMoving && moved()) {
    receive_piece();
    position_ += piece_bytes();
    if (position_ == bytes_) {
      stage_ = Stage::kLate;
    } else {
      send_piece();
    }
  }
  if (stage_ != Stage::kLate || std::chrono::steady_clock::now() - started_ < delay()) return false;
  world_->ended = number_;
  return true;
}

void Collective::start() {
  started_ = std::chrono::steady_clock::now();
  if (fault("error", world_->rank, number_)) world_->error = ncclRemoteError;
  if (fault("error", world_->rank, number_) || fault("stuck", world_->rank, number_)) {
    stage_ = Stage::kStuck;
  } else if (bytes_ == 0) {
    stage_ = Stage::kLate;
  } else {
    stage_ = Stage::kMoving;
    send_piece();
  }
}

std::size_t Collective::piece_bytes() const {
  return std::min(kPieceBytes, bytes_ - position_);
}

void Collective::send_piece() {
  const std::size_t bytes = piece_bytes();
  const int count = static_cast<int>(bytes);
  mine_.assign(send_ + position_, send_ + position_ + bytes);
  if (world_->size == 1) return;
  int result = MPI_SUCCESS;
  if (root_ >= 0) {
    result = MPI_Ibcast(mine_.data(), count, MPI_BYTE, root_, world_->mpi, &request_);
  } else {
    everyones_.resize(bytes * static_cast<std::size_t>(world_->size));
    result = MPI_Iallgather(mine_.data(), count, MPI_BYTE, everyones_.data(), count, MPI_BYTE, world_->mpi, &request_);
  }
  if (result != MPI_SUCCESS) {
    world_->error = ncclSystemError;
    stage_ = Stage::kStuck;
  }
}

bool Collective::moved() {
  if (request_ == MPI_REQUEST_NULL) return true;
  int done = 0;
  if (MPI_Test(&request_, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) {
    world_->error = ncclRemoteError;
    stage_ = Stage::kStuck;
    return false;
  }
  return done != 0;
}

void Collective::receive_piece() {
  if (root_ >= 0 || world_->size == 1) {
    std::memcpy(receive_ + position_, mine_.data(), mine_.size());
  } else {
    add_up(receive_ + position_, everyones_, piece_bytes() / sizeof(float), static_cast<std::size_t>(world_->size),
           position_ / sizeof(float));
  }
}

}  // namespace alignment::nccl_stand_in
