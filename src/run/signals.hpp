#pragma once

namespace dejavid {

/// From now on SIGTERM and SIGUSR2 ask the run to stop: they only raise a flag.
void install_stop_signals();
[[nodiscard]] bool stop_requested();

}  // namespace dejavid
