#pragma once

#include <mpi.h>

#include "dist/topology.hpp"

namespace alignment::dist::detail {

/// Where this rank stands in `comm`. Collective.
[[nodiscard]] Topology mpi_topology(MPI_Comm comm);

}  // namespace alignment::dist::detail
