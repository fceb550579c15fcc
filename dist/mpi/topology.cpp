#include "dist/mpi/topology.hpp"

#include "dist/mpi/call.hpp"
#include "dist/mpi/handles.hpp"

namespace alignment::dist::detail {

Topology mpi_topology(MPI_Comm comm) {
  Topology topology;
  topology.host = host_name();
  MPI_CHECK(MPI_Comm_rank(comm, &topology.rank.value));
  MPI_CHECK(MPI_Comm_size(comm, &topology.world_size.value));

  MPI_Comm raw = MPI_COMM_NULL;
  MPI_CHECK(MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, topology.rank.value, MPI_INFO_NULL, &raw));
  const OwnedComm neighbours(raw);
  MPI_CHECK(MPI_Comm_rank(neighbours.get(), &topology.local_rank.value));
  MPI_CHECK(MPI_Comm_size(neighbours.get(), &topology.local_size));
  return topology;
}

}  // namespace alignment::dist::detail
