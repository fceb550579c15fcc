#pragma once

#include "src/config/command_table.hpp"

namespace alignment::dejavid {

/// The subcommands of dejavid_dist (commands.hpp).
[[nodiscard]] const CommandTable& command_table();

}  // namespace alignment::dejavid
