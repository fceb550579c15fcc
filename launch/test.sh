#!/usr/bin/env bash
# Installs what is missing, builds the CPU programs and runs every test; the device code runs there on an emulated GPU. Where nvcc is
# found (CUDACXX, PATH, /usr/local/cuda, or .venv after launch/install.sh --cuda), the same with CUDA, and the tests that need nvcc
# or a GPU; those that need a GPU say that they skip where there is none. The last lines are CTest's summary.
# Open MPI refuses to start as root and to put more ranks than cores on a machine unless told so; this tells it, for the tests.
#   launch/test.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,6p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
cd "$(dirname "$0")/.."

cuda=false
if [[ -n "${CUDACXX:-}" ]] || command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]] ||
  compgen -G '.venv/lib/python3*/site-packages/nvidia/cu*/bin/nvcc' >/dev/null; then
  cuda=true
  echo "== nvcc found: testing the presets cpu and cuda"
else
  echo "== no nvcc found: testing the preset cpu only; launch/install.sh --cuda brings one"
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

jobs=$(($(nproc) + 2)) # most tests wait for processes more than for cores

if $cuda; then
  launch/install.sh --cuda --cluster --python
  launch/build.sh cuda
  ctest --preset cuda --parallel "$jobs"
else
  launch/install.sh --cluster --python
fi
launch/build.sh cpu
ctest --preset cpu --parallel "$jobs"
