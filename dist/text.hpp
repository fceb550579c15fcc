#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dist/communicator.hpp"

namespace alignment::dist {

/// Collective. The root's `text` on every rank.
[[nodiscard]] std::string broadcast_text(Communicator& communicator, std::string_view text, Rank root);

/// Collective. On rank 0: every rank's text in rank order; elsewhere empty. Texts may differ in length.
[[nodiscard]] std::vector<std::string> gather_text(Communicator& communicator, std::string_view text);

}  // namespace alignment::dist
