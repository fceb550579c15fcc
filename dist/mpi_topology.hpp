#pragma once

#include <mpi.h>

#include "dist/topology.hpp"

namespace dejavid::dist::detail {

/// Where this rank stands in `comm`. Collective.
[[nodiscard]] Topology mpi_topology(MPI_Comm comm);

}  // namespace dejavid::dist::detail
