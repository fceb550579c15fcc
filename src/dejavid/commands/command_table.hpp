#pragma once

#include "src/config/command_table.hpp"

namespace alignment {

/// The subcommands of dejavid_dist (commands.hpp).
[[nodiscard]] const CommandTable& command_table();

}  // namespace alignment
