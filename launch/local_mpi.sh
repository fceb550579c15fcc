# Sourced by what starts ranks on this machine. Open MPI refuses to start as root unless told so, and to start more ranks than cores; in
# containers its direct copies between processes are often forbidden.
# shellcheck shell=bash
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
