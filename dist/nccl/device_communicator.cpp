#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dist/cuda/call.hpp"
#include "dist/device_communicator.hpp"
#include "dist/errors.hpp"
#include "dist/mpi/call.hpp"
#include "dist/nccl/gpu_identity.hpp"
#include "dist/watch/collectives.hpp"
#include "dist/watch/peers.hpp"
#include "dist/watch/polling_wait.hpp"
#include "dist/watch/watchdog.hpp"

namespace alignment::dist {
namespace {

using detail::Seconds;

/// "NCCL error 6 (remote process exited ...: detail)".
std::string error_text(ncclResult_t result) {
  std::string detail = ncclGetLastError(nullptr);
  for (char& character : detail) {
    if (character == '\n') character = ' ';
  }
  return fmt::format("NCCL error {} ({}{}{})", static_cast<int>(result), ncclGetErrorString(result),
                     detail.empty() ? "" : ": ", detail);
}

std::string pci_id_of_current_gpu() {
  int device = 0;
  CUDA_CHECK(cudaGetDevice(&device));
  std::array<char, 32> id{};
  CUDA_CHECK(cudaDeviceGetPCIBusId(id.data(), static_cast<int>(id.size()), device));
  return id.data();
}

/// Throws LaunchError, the same on every rank, where two ranks' current GPUs are one. Collective.
void require_own_gpus(Communicator& communicator) {
  const std::vector<GpuIdentity> gpus = gather_gpus(communicator, pci_id_of_current_gpu());
  for (auto gpu = gpus.begin(); gpu != gpus.end(); ++gpu) {
    const auto owner = std::find(gpus.begin(), gpu, *gpu);
    if (owner == gpu) continue;
    throw LaunchError(
        fmt::format("dist.backend: found ranks {} and {} on one GPU ({} on {}); expected a GPU for every rank with "
                    "\"nccl\"; start as many ranks a host as it has GPUs, or set dist.backend = \"mpi\"",
                    owner - gpus.begin(), gpu - gpus.begin(), gpu->pci_id, gpu->host));
  }
}

[[noreturn]] void refuse_setup(const char* call, ncclResult_t result) {
  detail::mark_peers_unreachable();
  throw LaunchError(
      fmt::format("{}: found {} in {}; expected NCCL {} to connect every rank's GPU; "
                  "set NCCL_DEBUG=WARN to see more, or dist.backend = \"mpi\"",
                  detail::who(), error_text(result), call, nccl_version()));
}

/// Rank 0's, or its failure, on every rank.
ncclUniqueId share_unique_id(Communicator& communicator) {
  ncclUniqueId id{};
  std::array<std::int32_t, 1> result{ncclSuccess};
  if (communicator.is_root()) result[0] = ncclGetUniqueId(&id);
  communicator.broadcast(std::span<std::int32_t>(result), Rank{0});
  if (result[0] != ncclSuccess) refuse_setup("ncclGetUniqueId on rank 0", static_cast<ncclResult_t>(result[0]));
  std::array<std::uint8_t, sizeof(id.internal)> bytes{};
  std::memcpy(bytes.data(), id.internal, bytes.size());
  communicator.broadcast(std::span<std::uint8_t>(bytes), Rank{0});
  std::memcpy(id.internal, bytes.data(), bytes.size());
  return id;
}

/// A non-blocking NCCL communicator. No two threads are inside NCCL at once: its calls leave work to be finished by the
/// next one, and it may be aborted only while nobody is in it. The watching thread skips its look when the owner is.
class NcclCommunicator final : public DeviceCommunicator {
 public:
  NcclCommunicator(Communicator& communicator, Seconds timeout, Seconds grace)
      : timeout_(timeout),
        grace_(grace),
        exceptions_before_(std::uncaught_exceptions()),
        peers_(communicator.topology()) {
    require_own_gpus(communicator);
    connect(communicator.rank().value, communicator.size().value, share_unique_id(communicator));
    collectives_.emplace(timeout_, grace_, [this] { return trouble(); });
  }

  ~NcclCommunicator() override {
    const bool unwinding = std::uncaught_exceptions() > exceptions_before_;
    if (comm_ == nullptr) return;
    if (unwinding || collectives_->failed() || detail::peers_unreachable() || !finish()) give_up();
  }

  [[nodiscard]] const char* backend_name() const override { return "nccl"; }
  [[nodiscard]] bool asynchronous() const override { return true; }

  void all_reduce(std::span<float> values, cudaStream_t stream) override {
    collectives_->check();
    if (comm_ == nullptr) throw std::logic_error("all_reduce: found a communicator given up by abort()");
    if (values.empty()) return;
    collectives_->before({"all_reduce", values.size(), step()}, stream);
    const Outcome outcome = call("ncclAllReduce", [&] {
      return ncclAllReduce(values.data(), values.data(), values.size(), ncclFloat32, ncclSum, comm_, stream);
    });
    if (outcome.overdue) collectives_->fail_with_timeout();
    if (!outcome.overdue && outcome.result != ncclSuccess) collectives_->fail_with_error(error_text(outcome.result));
    collectives_->check();
    collectives_->after(stream);
  }

  void wait(cudaEvent_t event) override {
    detail::wait_for(event, [this] { collectives_->check(); });
  }

  void abort() noexcept override {
    if (comm_ != nullptr && (collectives_->failed() || collectives_->busy())) give_up();
  }

 private:
  struct Outcome {
    ncclResult_t result = ncclSuccess;
    bool overdue = false;
  };

  /// One call into NCCL, until it has done its part on the host. NCCL allows no other call before that, nor work on its
  /// streams.
  template <typename Function>
  Outcome call(const char* name, Function&& function) {
    const Deadline deadline(Awaited::kNccl, name, timeout_ + grace_);
    detail::PollingWait polling(timeout_);
    ncclResult_t result = locked(function);
    while (result == ncclInProgress) {
      if (collectives_ && collectives_->failed()) return {result, false};
      if (!polling.rest()) return {result, true};
      result = locked([this] { return progress(); });
    }
    return {result, false};
  }

  template <typename Function>
  ncclResult_t locked(Function&& function) {
    const std::lock_guard lock(inside_nccl_);
    return function();
  }

  /// What NCCL is about or has met.
  [[nodiscard]] ncclResult_t progress() const {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
    return asked == ncclSuccess ? state : asked;
  }

  void connect(int rank, int world_size, ncclUniqueId id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const Outcome outcome =
        call("ncclCommInitRankConfig", [&] { return ncclCommInitRankConfig(&comm_, world_size, id, rank, &config); });
    if (!outcome.overdue && outcome.result == ncclSuccess) return;
    if (comm_ != nullptr) give_up();
    if (!outcome.overdue) refuse_setup("ncclCommInitRankConfig", outcome.result);
    detail::mark_peers_unreachable();
    throw TimeoutError(
        fmt::format("{}: found no end of NCCL's set-up after {} s; expected every rank within that time; look for a "
                    "stopped rank, name the network interface in NCCL_SOCKET_IFNAME, or raise dist.timeout_s",
                    detail::who(), timeout_.count()));
  }

  /// From the watching thread.
  std::optional<std::string> trouble() {
    if (std::optional<std::string> lost = peers_.lost()) return lost;
    const std::unique_lock lock(inside_nccl_, std::try_to_lock);
    if (!lock || comm_ == nullptr) return std::nullopt;
    const ncclResult_t state = progress();
    if (state == ncclSuccess || state == ncclInProgress) return std::nullopt;
    return error_text(state);
  }

  /// The orderly end. False where it does not come.
  bool finish() noexcept {
    const Outcome outcome = call("ncclCommFinalize", [this] { return ncclCommFinalize(comm_); });
    if (outcome.overdue || outcome.result != ncclSuccess) {
      detail::mark_peers_unreachable();
      return false;
    }
    const Deadline deadline(Awaited::kNccl, "ncclCommDestroy", timeout_ + grace_);
    static_cast<void>(locked([this] { return ncclCommDestroy(std::exchange(comm_, nullptr)); }));
    return true;
  }

  void give_up() noexcept {
    const Deadline deadline(Awaited::kNccl, "ncclCommAbort", grace_);
    static_cast<void>(locked([this] { return ncclCommAbort(std::exchange(comm_, nullptr)); }));
    if (collectives_) collectives_->forget();
  }

  Seconds timeout_;  ///< of a collective
  Seconds grace_;    ///< for giving up
  int exceptions_before_;
  detail::Peers peers_;  ///< the watching thread's
  std::mutex inside_nccl_;
  ncclComm_t comm_ = nullptr;
  std::optional<detail::Collectives> collectives_;  ///< last: its thread uses the others
};

}  // namespace

std::unique_ptr<DeviceCommunicator> make_nccl_device_communicator(Communicator& communicator,
                                                                  std::chrono::duration<double> timeout,
                                                                  std::chrono::duration<double> grace) {
  if (!(timeout.count() > 0)) {
    throw std::invalid_argument(
        fmt::format("dist.timeout_s: found {}; expected above 0; name the seconds to wait", timeout.count()));
  }
  return std::make_unique<NcclCommunicator>(communicator, timeout, grace);
}

std::string nccl_version() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "unknown";
  return fmt::format("{}.{}.{}", version / 10'000, version / 100 % 100, version % 100);
}

}  // namespace alignment::dist
