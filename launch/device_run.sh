#!/usr/bin/env bash
# Checks and measures the programs of this bundle on this machine's GPU, within a given time.
#   bash run.sh [SECONDS] [PART...]
# launch/device_bundle.sh put this file and bundle.tar.xz here. The machine needs an NVIDIA driver, Python and its torch wheel, of the
# version that the programs were built with; no MPI, no HDF5, no compiler. SECONDS: for everything, unpacking included (420).
# PART: only these, in this order; --help lists them. What comes back lies in $OUT, or where that is not set in ./device_out:
#   summary.txt      how each part went, and the figures
#   results.tar.gz   logs, JSON, the GPU's clocks and power over the whole run, ncu's report
# both brought up to date after every part. Exit code: that of launch/device_check.sh: 0 every part passed, 3 some were left out and
# none failed, 1 some failed or were late, 2 no GPU (whether the programs start is tried all the same).
set -euo pipefail

total=420
if [[ ${1:-} =~ ^[0-9]+$ ]]; then total="$1"; shift; fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,10p' "${BASH_SOURCE[0]}" | cut -c3-
  [[ -e $here/bundle.tar.xz ]] || exit 0 # else the parts follow
fi

out="${OUT:-$PWD/device_out}"
SECONDS=0
bundle="$(mktemp -d "${TMPDIR:-/tmp}/device.XXXXXX")"
check="" # its process, which ends its parts itself
# shellcheck disable=SC2317 # called by trap
finish() {
  if [[ -n $check ]] && kill -TERM "$check" 2>/dev/null; then wait "$check" || true; fi
  rm -rf "$bundle"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

if command -v xz >/dev/null; then tar -C "$bundle" -xJf "$here/bundle.tar.xz"; else
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$here/bundle.tar.xz" "$bundle"
fi

# ------------------------------------------------------------------------------------------------- LibTorch and NCCL, of the wheel

torch_version="" torch_libraries=""
for python in "${DEVICE_PYTHON:-}" python3 /opt/torch/.venv/bin/python3; do
  command -v "$python" >/dev/null || continue
  # Found without importing it, which takes seconds.
  { read -r torch_version && read -r torch_libraries; } < <("$python" - <<'PYTHON'
import glob, importlib.metadata, importlib.util, os, sys
found = importlib.util.find_spec("torch") or sys.exit(f"{sys.executable} has no torch")
torch = os.path.dirname(found.origin)
print(importlib.metadata.version("torch"))
print(":".join([os.path.join(torch, "lib"), *sorted(glob.glob(os.path.join(os.path.dirname(torch), "nvidia", "*", "lib")))]))
PYTHON
  ) && { export DEVICE_PYTHON="$python"; break; }
done
wanted="$(sed -n 's/^TORCH_VERSION=//p' "$bundle/cmake/versions.env")"
DEVICE_MACHINE="torch ${torch_version:-not found}, built with $wanted"
if [[ ${torch_version%%+*} != "$wanted" ]]; then DEVICE_MACHINE+=": WARNING: another version"; fi

# The machine's own libstdc++, libgcc_s and libgomp, unless one is missing or too old for these programs.
export LD_LIBRARY_PATH="${torch_libraries:+$torch_libraries:}${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/local/nvidia/lib"
found="$(ldd "$bundle"/build/bin/* "$bundle"/build/tests/* 2>&1)" || true
if grep -qE "lib(stdc\+\+|gcc_s|gomp)[^/]*not found|(GLIBCXX|CXXABI|GCC|GOMP|OMP)_[0-9.]+' not found" <<<"$found"; then
  LD_LIBRARY_PATH="$bundle/lib/fallback:$LD_LIBRARY_PATH"
  DEVICE_MACHINE+="; the bundle's libstdc++"
fi

# --------------------------------------------------------------- Open MPI away from where it was installed, on one host without network

export PATH="$bundle/mpi/bin:$PATH:/usr/local/nvidia/bin"
export OPAL_PREFIX="$bundle/mpi" OPAL_BINDIR="$bundle/mpi/bin" OPAL_LIBDIR="$bundle/lib"
export OPAL_PKGLIBDIR="$bundle/mpi/plugins" OPAL_PKGDATADIR="$bundle/mpi/share" OPAL_SYSCONFDIR="$bundle/mpi/etc"
export OMPI_MCA_mca_base_component_path="$bundle/mpi/plugins" OMPI_MCA_orte_tmpdir_base="${TMPDIR:-/tmp}"
export PMIX_INSTALL_PREFIX="$bundle/mpi" PMIX_LIBDIR="$bundle/lib" PMIX_PKGLIBDIR="$bundle/mpi/pmix"
export PMIX_PKGDATADIR="$bundle/mpi/share" PMIX_SYSCONFDIR="$bundle/mpi/etc" PMIX_MCA_mca_base_component_path="$bundle/mpi/pmix"
export OMPI_MCA_plm=isolated OMPI_MCA_ras=^slurm OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader OMPI_MCA_oob_tcp_if_include=lo
export OMPI_MCA_hwloc_base_binding_policy=none PMIX_MCA_gds=hash PMIX_MCA_psec=native
# Its processes find each other through the loopback interface, which a machine without a network may have down.
if [[ $(cat /sys/class/net/lo/flags 2>/dev/null || echo 0x9) == *[02468ace] ]]; then
  if python3 - 2>/dev/null <<'PYTHON'
import fcntl, socket, struct
with socket.socket() as s:
    flags = struct.unpack("16sh", fcntl.ioctl(s, 0x8913, struct.pack("16sh", b"lo", 0)))[1]
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", flags | 1))
PYTHON
  then DEVICE_MACHINE+="; the loopback interface was down and is up now"; fi
fi

# ------------------------------------------------------------------------------------------------------------------------ the run

export DEVICE_MACHINE
arguments=()
for part in "$@"; do
  if [[ $part == -* ]]; then arguments+=("$part"); else arguments+=(--part "$part"); fi
done
left=$((total - SECONDS))
bash "$bundle/launch/device_check.sh" --build "$bundle/build" --seconds "$((left > 0 ? left : 1))" --pack "$out" \
  ${arguments[@]+"${arguments[@]}"} "$bundle/results" &
check=$!
code=0
wait "$check" || code=$?
check=""
exit "$code"
