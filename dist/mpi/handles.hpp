#pragma once

#include <mpi.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "dist/mpi/call.hpp"

namespace alignment::dist::detail {

/// Owns a communicator, or nothing.
class OwnedComm {
 public:
  OwnedComm() = default;
  explicit OwnedComm(MPI_Comm comm) : comm_(comm) {}
  OwnedComm(OwnedComm&& other) noexcept : comm_(std::exchange(other.comm_, MPI_COMM_NULL)) {}
  OwnedComm& operator=(OwnedComm&& other) noexcept {
    std::swap(comm_, other.comm_);
    return *this;
  }
  OwnedComm(const OwnedComm&) = delete;
  OwnedComm& operator=(const OwnedComm&) = delete;
  /// MPI_Comm_free is collective: left out where peers may not come to it any more.
  ~OwnedComm() {
    int finalized = 0;
    MPI_Finalized(&finalized);
    if (comm_ != MPI_COMM_NULL && finalized == 0 && !peers_unreachable()) MPI_Comm_free(&comm_);
  }

  [[nodiscard]] MPI_Comm get() const { return comm_; }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
};

/// Operations under way that are waited for together.
///
/// A collective cannot be cancelled, so requests that are still open when this goes (after a timeout) are abandoned:
/// MPI must not be called again but to abort.
class Requests {
 public:
  Requests() = default;
  explicit Requests(std::size_t capacity) { requests_.reserve(capacity); }
  Requests(Requests&& other) noexcept : requests_(std::exchange(other.requests_, {})) {}
  Requests& operator=(Requests&& other) noexcept {
    std::swap(requests_, other.requests_);
    return *this;
  }
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;
  ~Requests() = default;

  /// Where the next MPI_I… call puts its request; valid until the next call of this function.
  [[nodiscard]] MPI_Request* next() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

  /// True once all are done. Drives MPI's progress.
  [[nodiscard]] bool done() {
    int flag = 0;
    MPI_CHECK(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &flag, MPI_STATUSES_IGNORE));
    return flag != 0;
  }

 private:
  std::vector<MPI_Request> requests_;
};

}  // namespace alignment::dist::detail
