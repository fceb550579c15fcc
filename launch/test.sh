#!/usr/bin/env bash
# Installs what is missing, builds the CPU programs and runs every test. The last lines are CTest's summary.
# Open MPI refuses to start as root and to put more ranks than cores on a machine unless told so; this tells it, for the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

launch/install.sh
launch/build.sh cpu
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
ctest --preset cpu --parallel 2
