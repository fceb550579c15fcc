#pragma once

#include <cstddef>

#include "dist/communicator.hpp"

namespace alignment::dist::detail {

/// What every backend needs of its arguments.
[[nodiscard]] std::size_t element_size(ElementType type);
[[nodiscard]] const char* element_name(ElementType type);

/// Throws std::invalid_argument where `root` is not a rank of this world; every rank names the same root, so all throw.
void require_rank(Rank root, const Topology& topology);

}  // namespace alignment::dist::detail
