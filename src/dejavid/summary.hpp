#pragma once

#include <string>

namespace alignment {

class Trainer;

/// summary.json: how far a run is, or how it ended. `reason`: "running", "done", "stopped", or the error's line; the
/// exit code is null while it runs.
[[nodiscard]] std::string running_summary(const Trainer& trainer);
[[nodiscard]] std::string closing_summary(const Trainer& trainer, const std::string& reason, int exit_code);

}  // namespace alignment
