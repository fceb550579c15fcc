#!/usr/bin/env bash
# Packs all that a GPU machine with nothing installed needs to check and measure a build of the preset cuda.
#   launch/device_bundle.sh [--build FOLDER] [--limit MIB] [TARGET]
# After `launch/install.sh --cuda && launch/build.sh cuda`. FOLDER: that build (build/cuda). TARGET: where it goes (.device), made anew;
# in a git checkout, git is told to ignore it. Copy TARGET to the machine, which has an NVIDIA driver, Python and the same torch wheel,
# and run `bash TARGET/run.sh`; its --help says the rest.
#   TARGET/bundle.tar.xz   programs, their tests, shared libraries, Open MPI's runtime, launch/device_check.sh and what it reads
#   TARGET/run.sh          unpacks it, sets the environment, calls launch/device_check.sh
#   TARGET/CONTENTS        commit, sizes, and where each library came from
# Not packed: the C library, the driver's libraries, LibTorch and NCCL. Exit code 1 where TARGET takes more than MIB (60).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage_error() { printf 'device_bundle.sh: %s\n' "$*" >&2; exit 2; }
fail() { printf 'device_bundle.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '== %s\n' "$*"; }

build=build/cuda limit_mib=60 target=.device
while (($#)); do
  case "$1" in
    -h | --help) sed -n '2,10p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;;
    --build | --limit)
      (($# > 1)) || usage_error "found nothing after $1; see --help"
      if [[ $1 == --build ]]; then build="$2"; else limit_mib="$2"; fi
      shift ;;
    -*) usage_error "unknown option '$1'; see --help" ;;
    *) target="${1%/}" ;;
  esac
  shift
done
[[ $limit_mib =~ ^[0-9]+$ ]] || usage_error "found --limit $limit_mib; expected a whole number of MiB"
# It is removed first, so it must be this script's own.
[[ ! -e $target || -f $target/bundle.tar.xz || -z $(ls -A "$target") ]] || fail "found files in $target that are no bundle; name another folder"

for tool in ldd strip tar xz patchelf ompi_info orterun orted; do
  command -v "$tool" >/dev/null || fail "found no $tool on this machine; run launch/install.sh --cuda"
done
programs=() tests=()
for name in dejavid_dist dejavid_bench dejavid_convert dejavid_encode lrprop_dist; do
  [[ -x $build/bin/$name ]] || fail "found no $build/bin/$name; run launch/install.sh --cuda && launch/build.sh cuda"
  programs+=("$build/bin/$name")
done
for file in "$build"/tests/*; do
  if [[ -f $file && -x $file && $(head -c4 "$file" | tr -d '\0') == $'\x7fELF' ]]; then tests+=("$file"); fi
done
((${#tests[@]})) || fail "found no test programs in $build/tests"

# Before anything is made: it must never be committed.
if exclude="$(git rev-parse --git-path info/exclude 2>/dev/null)" && [[ $target != /* ]]; then
  mkdir -p "$(dirname "$exclude")"
  grep -qsxF "/$target/" "$exclude" || printf '/%s/\n' "$target" >>"$exclude"
fi
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage"/{build/bin,build/tests,lib/fallback,mpi/bin,mpi/plugins,mpi/pmix,mpi/share,mpi/etc,launch,configs/lrprop,cmake,tests/gpu,tests/end_to_end}

# ------------------------------------------------------------------------------------------------------------- programs and scripts
say "programs, tests and scripts"
copy_stripped() { # file, the copy's name
  cp -L "$1" "$2"
  chmod u+w "$2"
  strip --strip-all "$2" # the GPU's machine code lies in a section that stays
}
for file in "${programs[@]}"; do copy_stripped "$file" "$stage/build/bin/$(basename "$file")"; done
for file in "${tests[@]}"; do copy_stripped "$file" "$stage/build/tests/$(basename "$file")"; done
cp launch/device_check.sh launch/device_figures.py launch/export_encoder.py "$stage/launch/"
cp configs/order.toml configs/k400.toml "$stage/configs/"
cp configs/lrprop/{utkinect,paper}.toml "$stage/configs/lrprop/"
cp cmake/versions.env "$stage/cmake/"
cp tests/gpu/{test_training,clip_network}.py "$stage/tests/gpu/"
cp tests/end_to_end/{support,xxh64}.py "$stage/tests/end_to_end/"
cp tests/jobs.py "$stage/tests/"

# -------------------------------------------------------------------------------------------------------------- Open MPI's runtime
say "Open MPI"
mpi_folder() { ompi_info --all --parsable 2>/dev/null | sed -n "s/^path:$1://p" | head -1; }
plugins="$(mpi_folder pkglibdir)" share="$(mpi_folder pkgdatadir)"
[[ -d $plugins && -d $share ]] || fail "ompi_info names no folder of plugins or of texts: '$plugins', '$share'"
for name in orterun orted; do copy_stripped "$(readlink -f "$(command -v "$name")")" "$stage/mpi/bin/$name"; done # MPI_Init without mpirun starts orted
ln -s orterun "$stage/mpi/bin/mpirun"
# One host, shared memory: no fabrics, no batch systems, no OpenSHMEM, no parallel files.
unwanted='ucx|ofi|psm|openib|usnic|portals|slurm|flux|jsm|gridengine|alps|tm\.so|lsf|monitoring|memheap|scoll|spml|sshmem|atomic|_io_|_fs_|fbtl|fcoll|sharedfp|crs_|vprotocol|mindist|treematch|simulator|novm'
for file in "$plugins"/mca_*.so; do
  [[ $(basename "$file") =~ $unwanted ]] || copy_stripped "$file" "$stage/mpi/plugins/$(basename "$file")"
done
cp -L "$share"/help-*.txt "$stage/mpi/share/"
pmix="$(ldd "$plugins"/mca_pmix_ext3x.so 2>/dev/null | sed -n 's/.*libpmix\.so[^ ]* => \([^ ]*\).*/\1/p' | head -1)" || pmix=""
if [[ -n $pmix ]]; then
  pmix="$(dirname "$(readlink -f "$pmix")")"
  for file in "$pmix"/pmix/*.so; do
    if [[ -f $file && ! $file =~ slurm ]]; then copy_stripped "$file" "$stage/mpi/pmix/$(basename "$file")"; fi
  done
  for folder in "$pmix/../share/pmix" /usr/share/pmix; do
    if compgen -G "$folder/help-*.txt" >/dev/null; then cp -L "$folder"/help-*.txt "$stage/mpi/share/"; fi
  done
fi

# ----------------------------------------------------------------------------------------------------------------- shared libraries
say "shared libraries"
never='^(ld-linux.*|linux-vdso.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|anl|mvec|BrokenLocale)\.so\..*|libnss_.*|libcuda\.so.*|libnvidia-.*|libtorch.*|libc10.*|libnccl\.so.*|libcudart.*|libcupti.*|libnvrtc.*|libnvToolsExt.*)$'
fallback='^lib(stdc\+\+|gcc_s|gomp)\.so\..*$' # used where the machine's own are missing or too old
loaded=("$stage"/build/bin/* "$stage"/build/tests/* "$stage"/mpi/bin/orte* "$stage"/mpi/plugins/*.so)
for file in "$stage"/mpi/pmix/*.so; do [[ ! -f $file ]] || loaded+=("$file"); done
declare -A origin=()
while read -r name path; do # ldd names the libraries of libraries too
  if [[ $name =~ $never || $path == */site-packages/* || -n ${origin[$name]:-} ]]; then continue; fi
  origin[$name]="$path"
  if [[ $name =~ $fallback ]]; then copy_stripped "$path" "$stage/lib/fallback/$name"; else copy_stripped "$path" "$stage/lib/$name"; fi
done < <(for file in "${loaded[@]}"; do ldd "$file" 2>/dev/null || true; done | sed -nE 's/^\s*(\S+) => (\/\S+) .*/\1 \2/p' | sort -u)
((${#origin[@]})) || fail "ldd names no library"
# Found by their place, by these programs alone: python3, ncu and the like keep their own. RPATH and not RUNPATH: it holds for what the
# libraries themselves need as well.
for file in "${loaded[@]}" "$stage"/lib/*.so*; do
  patchelf --force-rpath --set-rpath "\$ORIGIN/$(realpath --relative-to="$(dirname "$file")" "$stage/lib")" "$file"
done

# ------------------------------------------------------------------------------------------------------------------------- packing
say "packing"
rm -rf "$target"
mkdir -p "$target"
tar -C "$stage" --sort=name --owner=0 --group=0 --numeric-owner -cf - . | xz -9e >"$target/bundle.tar.xz"
cp launch/device_run.sh "$target/run.sh"
{
  printf 'commit %s\nbuild %s\ntorch %s\n\n' "$(git rev-parse -q --verify HEAD 2>/dev/null || echo unknown)" "$build" "$(sed -n 's/^TORCH_VERSION=//p' cmake/versions.env)"
  (cd "$stage" && du -sk build lib mpi && find . -type f -printf '%s %p\n' | sort -rn)
  printf '\n'
  for name in "${!origin[@]}"; do printf '%s <- %s\n' "$name" "${origin[$name]}"; done | sort
} >"$target/CONTENTS"
say "$target: $(($(du -sb "$target" | cut -f1) / 1024)) KiB packed, $(du -sm "$stage" | cut -f1) MiB unpacked, ${#origin[@]} libraries"
(($(du -sb "$target" | cut -f1) <= limit_mib * 1048576)) || fail "$target takes more than $limit_mib MiB; see $target/CONTENTS"
