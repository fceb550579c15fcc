#include <algorithm>
#include <array>

#include "dist/cuda/call.hpp"
#include "dist/cuda/handles.hpp"
#include "dist/device_communicator.hpp"

namespace alignment::dist {
namespace {

using detail::OwnedEvent;
using detail::PinnedFloats;

/// 16 MiB: long enough for full speed, short enough that the copies of one piece hide behind the sums of another.
constexpr std::size_t kPieceElements = std::size_t{1} << 22;

/// Cuts a span into pieces and uses two host buffers in turn: while the ranks add up one piece, the next one comes
/// down.
class StagedDeviceCommunicator final : public DeviceCommunicator {
 public:
  explicit StagedDeviceCommunicator(Communicator& communicator) : communicator_(communicator) {}

  [[nodiscard]] const char* backend_name() const override { return "mpi"; }
  [[nodiscard]] bool asynchronous() const override { return false; }

  void all_reduce(std::span<float> values, cudaStream_t stream) override {
    if (communicator_.size().value == 1 || values.empty()) return;
    reserve(std::min(values.size(), kPieceElements));
    const std::size_t pieces = (values.size() + kPieceElements - 1) / kPieceElements;
    download(values, 0, stream);
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      if (piece + 1 < pieces) download(values, piece + 1, stream);
      wait(slot(piece).filled.get());
      communicator_.all_reduce(std::span(slot(piece).buffer.data(), part(values, piece).size()), Reduction::kSum);
      upload(values, piece, stream);
    }
  }

  void wait(cudaEvent_t event) override {
    detail::wait_for(event, [] {});
  }

  void abort() noexcept override {}

 private:
  struct Slot {
    PinnedFloats buffer;
    OwnedEvent filled;   ///< the piece has come down
    OwnedEvent emptied;  ///< the sums have gone up
  };

  Slot& slot(std::size_t piece) { return slots_[piece % slots_.size()]; }

  static std::span<float> part(std::span<float> values, std::size_t piece) {
    const std::size_t start = piece * kPieceElements;
    return values.subspan(start, std::min(kPieceElements, values.size() - start));
  }

  void reserve(std::size_t count) {
    if (slots_.front().buffer.size() >= count) return;
    for (Slot& one : slots_) {
      wait(one.emptied.get());
      one.buffer = PinnedFloats(count);
    }
  }

  void download(std::span<float> values, std::size_t piece, cudaStream_t stream) {
    Slot& to = slot(piece);
    const std::span<float> from = part(values, piece);
    CUDA_CHECK(cudaStreamWaitEvent(stream, to.emptied.get(), 0));  // an earlier call may have used another stream
    CUDA_CHECK(cudaMemcpyAsync(to.buffer.data(), from.data(), from.size_bytes(), cudaMemcpyDeviceToHost, stream));
    CUDA_CHECK(cudaEventRecord(to.filled.get(), stream));
  }

  void upload(std::span<float> values, std::size_t piece, cudaStream_t stream) {
    Slot& from = slot(piece);
    const std::span<float> to = part(values, piece);
    CUDA_CHECK(cudaMemcpyAsync(to.data(), from.buffer.data(), to.size_bytes(), cudaMemcpyHostToDevice, stream));
    CUDA_CHECK(cudaEventRecord(from.emptied.get(), stream));
  }

  Communicator& communicator_;
  std::array<Slot, 2> slots_;
};

}  // namespace

std::unique_ptr<DeviceCommunicator> make_staged_device_communicator(Communicator& communicator) {
  return std::make_unique<StagedDeviceCommunicator>(communicator);
}

}  // namespace alignment::dist
