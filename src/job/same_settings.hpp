#pragma once

#include <string>

#include "dist/communicator.hpp"
#include "src/config/keys.hpp"

namespace alignment {

/// Collective. Refuses ranks that were told different things, as by a configuration that was edited on one host only:
/// the subcommand and every key but those of KeyOwner::kProcess. Throws dist::AgreedFailure that names keys, values,
/// ranks and hosts.
void require_same_settings(const KeyTable& table, const std::string& command, const SharedConfig& config,
                           dist::Communicator& communicator);

}  // namespace alignment
