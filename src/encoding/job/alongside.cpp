#include "src/encoding/job/alongside.hpp"

#include <future>
#include <memory>

#include "dist/work_queue.hpp"
#include "src/job/agreed.hpp"

namespace alignment::encoding {

void alongside(dist::Communicator& communicator, std::chrono::duration<double> timeout,
               const std::function<void()>& work) {
  LocalPhase local;
  {
    const std::unique_ptr<dist::WorkQueue> words = dist::make_work_queue(communicator, 0, timeout);
    std::future<void> done = std::async(std::launch::async, work);
    constexpr std::chrono::milliseconds kPatience{2};
    while (!words->all_left()) {
      if (done.valid() && done.wait_for(kPatience) == std::future_status::ready) {
        local.attempt([&] { done.get(); });
        words->leave();
      } else if (!done.valid()) {
        std::this_thread::sleep_for(kPatience);
      }
      words->poll();
    }
  }
  dist::agree(communicator, local.failure);
}

}  // namespace alignment::encoding
