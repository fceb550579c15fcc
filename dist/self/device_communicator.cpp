#include "dist/device_communicator.hpp"
#include "dist/cuda/call.hpp"

namespace alignment::dist {
namespace {

class SelfDeviceCommunicator final : public DeviceCommunicator {
 public:
  [[nodiscard]] const char* backend_name() const override { return "none"; }
  [[nodiscard]] bool asynchronous() const override { return true; }
  void all_reduce(std::span<float>, cudaStream_t) override {}
  void wait(cudaEvent_t event) override {
    detail::wait_for(event, [] {});
  }
  void abort() noexcept override {}
};

}  // namespace

std::unique_ptr<DeviceCommunicator> make_self_device_communicator() {
  return std::make_unique<SelfDeviceCommunicator>();
}

}  // namespace alignment::dist
