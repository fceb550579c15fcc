#!/usr/bin/env bash
# How training scales with the ranks of this machine: measures, and ends with a Markdown table and a picture.
#   launch/scaling.sh [--ranks "1 2 4"] [--modes "strong weak many"] [--preset NAME] [--samples N] [--output FOLDER] [OPTION...]
# --ranks    numbers of ranks; by itself 1, 2, 4, ... to the machine's GPUs, or to its cores
# --preset   shape of the synthetic set: hmdb51 (by itself), k400, ssv2 or order; --samples 1536 of it
# --output   where results go (scaling/<UTC time>): a JSON a run, scaling.md and scaling.svg
# OPTION...  go to `dejavid_bench scaling`, whose --help says what is measured; on CPUs a rank has one thread unless --threads says more
# Programs come from PATH, else from the newest of build/cuda, build/cpu and build/dev. What is said of a disturbed machine has no efficiency: measure when it is
# quiet. Exit code: 0, 1 where ranks came to different losses, else that of the run that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
usage_error() { printf 'scaling.sh: %s\n' "$*" >&2; exit 2; }

ranks="" modes="strong weak many" preset=hmdb51 samples=1536 output="" others=()
while (($#)); do
  case "$1" in
    -h | --help) sed -n '2,9p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;;
    --ranks | --modes | --preset | --samples | --output)
      (($# > 1)) || usage_error "found nothing after $1; see --help"
      declare "${1#--}=$2"
      shift ;;
    *) others+=("$1") ;;
  esac
  shift
done
# shellcheck source=launch/programs.sh
source launch/programs.sh
command -v dejavid_bench >/dev/null || usage_error "found no dejavid_bench; build it with launch/build.sh"
gpus="$(nvidia-smi --list-gpus 2>/dev/null | grep -c .)" || gpus=0
if [[ -z $ranks ]]; then
  most="$(nproc)"
  ((gpus == 0)) || most="$gpus"
  for ((n = 1; n <= most; n *= 2)); do ranks+="$n "; done
fi
if ((gpus == 0)) && [[ " ${others[*]-} " != *" --threads "* ]]; then others+=(--threads 1); fi
output="${output:-scaling/$(date -u +%Y-%m-%dT%H-%M-%SZ)}"
mkdir -p "$output"

# Open MPI refuses to start as root unless told so. A run that is cut off from others ends in time.
if ((EUID == 0)); then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_oob_tcp_keepalive_time=10 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3

store="$output/set.h5"
[[ -f $store ]] || dejavid_convert synthetic --preset "$preset" --samples "$samples" --val-samples 0 --seed 1 --out "$store" --progress off
for mode in $modes; do
  measured=()
  for n in $ranks; do
    printf '== %s scaling, %s ranks\n' "$mode" "$n"
    result="$output/${mode}_$n.json"
    mpirun -np "$n" --bind-to none dejavid_bench scaling --mode "$mode" --store "$store" --json "$result" \
      ${measured[@]+--baseline "${measured[@]}"} ${others[@]+"${others[@]}"}
    measured+=("$result")
  done
  if [[ $mode == strong && ${#measured[@]} -gt 1 ]]; then
    kind=--ranks
    grep -q '"device": "cuda"' "${measured[0]}" && kind=--gpus
    counts="$(tr -s ' ' , <<<"${ranks% }")"
    dejavid_bench predict "$kind" "$counts" --measured "${measured[@]}" --json "$output/model.json"
  fi
done
python3 launch/scaling_report.py "$output"
printf '== %s\n' "$output/scaling.md" "$output/scaling.svg"
