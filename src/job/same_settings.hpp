#pragma once

#include "dist/communicator.hpp"
#include "src/config/command_line.hpp"

namespace alignment {

/// Collective. Refuses ranks that were told different things, as by a configuration that was edited on one host only:
/// the subcommand, every option of the table and every key; of those of KeyOwner::kProcess only whether an option was
/// given. Throws dist::AgreedFailure that names what differs, its values, ranks and hosts.
void require_same_settings(const CommandTable& table, const Invocation& asked, dist::Communicator& communicator);

}  // namespace alignment
