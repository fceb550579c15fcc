#pragma once

#include <functional>
#include <stdexcept>

namespace alignment {

/// From now on SIGTERM, SIGUSR2 and SIGINT ask the process to stop: they only raise a flag. A second SIGINT ends it at
/// once.
void install_stop_signals();
[[nodiscard]] bool stop_requested();

/// While one lives, stop_requested() on this thread also asks `asked`: for programs whose signals are another's.
class StopQuestion {
 public:
  explicit StopQuestion(std::function<bool()> asked);
  ~StopQuestion();
  StopQuestion(const StopQuestion&) = delete;
  StopQuestion& operator=(const StopQuestion&) = delete;

 private:
  std::function<bool()> asked_;
  StopQuestion* before_;
  friend bool stop_requested();
};

/// Work that was left because of such a request, before there was anything to write a checkpoint of.
struct StopRequested : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Throws StopRequested where the process has been asked to stop.
void throw_if_asked_to_stop();

}  // namespace alignment
