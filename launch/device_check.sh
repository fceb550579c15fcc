#!/usr/bin/env bash
# Checks and measures the CUDA build on this machine's GPU.
#   launch/device_check.sh [--build FOLDER] [--part NAME]... [OUTPUT]
# FOLDER is a build of the preset cuda, or its bin/ and tests/ brought from another machine (LD_LIBRARY_PATH then says where their
# libraries are); without it, what is missing is installed and built. Parts: doctor, gpu_tests, memcheck, racecheck, synccheck,
# kernels_hmdb51, kernels_k400, train_hmdb51, train_k400, same_losses; all of them unless some are named.
# Every part leaves a log and a JSON in OUTPUT (default device_check/<UTC time>), all of them together summary.json. A part that
# fails does not stop the others. Exit code: 0 every part passed or was left out for want of a tool, 1 some failed, 2 no GPU.
# DEVICE_CHECK_LIMIT_S: seconds that one command may take (900); DEVICE_CHECK_FILTER: the tests that compute-sanitizer runs (all).
set -euo pipefail
cd "$(dirname "$0")/.."

build=""
output=""
wanted=()
while (($#)); do
  case "$1" in
    -h | --help) sed -n '2,9p' "$0" | cut -c3-; exit 0 ;;
    --build | --part)
      (($# > 1)) || { echo "device_check.sh: found nothing after $1; see --help" >&2; exit 2; }
      if [[ $1 == --build ]]; then build="$2"; else wanted+=("$2"); fi
      shift ;;
    -*) echo "device_check.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
    *) output="$1" ;;
  esac
  shift
done
parts=(doctor gpu_tests memcheck racecheck synccheck kernels_hmdb51 kernels_k400 train_hmdb51 train_k400 same_losses)
for part in ${wanted[@]+"${wanted[@]}"}; do
  [[ " ${parts[*]} " == *" $part "* ]] || { echo "device_check.sh: found --part $part; expected one of: ${parts[*]}" >&2; exit 2; }
done
((${#wanted[@]})) && parts=("${wanted[@]}")

gpu="$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1)" || gpu=""
if [[ -z $gpu ]]; then
  echo "device_check.sh: no GPU found (nvidia-smi names none); run this on a machine with one" >&2
  exit 2
fi
if [[ -z $build ]]; then
  launch/install.sh --cuda
  launch/build.sh cuda
  build=build/cuda
fi
[[ -d $build/bin && -d $build/tests ]] || { echo "device_check.sh: found no bin/ and tests/ in $build; expected a build of the preset cuda" >&2; exit 2; }
build="$(cd "$build" && pwd)"
output="${output:-device_check/$(date -u +%Y-%m-%dT%H-%M-%SZ)}"
mkdir -p "$output"
output="$(cd "$output" && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
limit_s="${DEVICE_CHECK_LIMIT_S:-900}" # of one command
left_out=99                            # the code of a part that finds no tool to run with

limited() { timeout --kill-after=10 "$limit_s" "$@"; }
need() { # tool
  command -v "$1" >/dev/null && return
  echo "left out: no $1 on this machine"
  return "$left_out"
}

part_doctor() { limited "$build/bin/dejavid_dist" doctor; }

# Through CTest where this is a build tree of this checkout, else every program of its tests.
part_gpu_tests() {
  local failed=0
  if command -v ctest >/dev/null && grep -qsx "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$build/CMakeCache.txt"; then
    limited ctest --test-dir "$build" --label-regex gpu --no-tests=error --output-on-failure 2>&1 | tee "$scratch/tests" || failed=1
  else
    : >"$scratch/tests"
    for program in "$build"/tests/*; do
      [[ -f $program && -x $program ]] || continue
      echo "-- $program"
      limited "$program" 2>&1 | tee -a "$scratch/tests" || failed=1
    done
    [[ -s $scratch/tests ]] || { echo "no test programs in $build/tests"; failed=1; }
  fi
  if grep -qE 'found no GPU|\*\*\*Skipped|\[  PASSED  \] 0 tests' "$scratch/tests"; then
    echo "tests skipped although there is a GPU"
    failed=1
  fi
  return "$failed"
}

# The kernels' tests, whose shapes are small: the tools slow a kernel down by a hundred times and more.
sanitize() { # tool and its options
  local sanitizer=compute-sanitizer
  command -v "$sanitizer" >/dev/null || sanitizer=/usr/local/cuda/bin/compute-sanitizer
  need "$sanitizer" || return
  limited "$sanitizer" --error-exitcode 1 --tool "$@" "$build/tests/cuda_kernels_test" --gtest_filter="${DEVICE_CHECK_FILTER:-*}"
}
part_memcheck() { sanitize memcheck --leak-check full; }
part_racecheck() { sanitize racecheck --racecheck-report all; }
part_synccheck() { sanitize synccheck; }

part_kernels_hmdb51() { limited "$build/bin/dejavid_bench" kernels --device cuda --shape hmdb51 --json "$1"; }
part_kernels_k400() { limited "$build/bin/dejavid_bench" kernels --device cuda --shape k400 --json "$1"; }
part_train_hmdb51() { limited "$build/bin/dejavid_bench" train --device cuda --preset hmdb51 --samples 3570 --json "$1"; }
part_train_k400() { limited "$build/bin/dejavid_bench" train --device cuda --preset k400 --samples 3840 --json "$1"; }

# Two ranks on one GPU through host memory, and one rank with NCCL.
part_same_losses() {
  need mpirun && need python3 || return
  local store="$scratch/order.h5" failed=0
  train() { # folder, ranks, backend
    limited mpirun -np "$2" "$build/bin/dejavid_dist" train --config configs/order.toml --train.epochs 4 --data.store "$store" \
      --run.dir "$scratch/$1" --dist.device cuda --dist.backend "$3"
  }
  limited "$build/bin/dejavid_convert" synthetic --preset order --samples 480 --val-samples 240 --seed 2 --out "$store" || return 1
  CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}" train shared 2 mpi || failed=1
  train nccl 1 nccl || failed=1
  ((failed)) || python3 - "$scratch/shared/metrics.jsonl" "$scratch/nccl/metrics.jsonl" "$1" <<'PYTHON' || failed=1
import json, sys
def losses(file):
    return [r["loss"] for r in map(json.loads, open(file)) if r["event"] == "step"]
shared, nccl = losses(sys.argv[1]), losses(sys.argv[2])
most = max(abs(a - b) / abs(b) for a, b in zip(shared, nccl))
passed = len(shared) == len(nccl) > 0 and most <= 1e-4
print(f"{len(shared)} and {len(nccl)} steps; losses differ by at most {most:.1e} relative; allowed 1e-4: {'ok' if passed else 'FAILED'}")
json.dump({"steps": len(nccl), "largest_relative_difference": most, "allowed": 1e-4, "shared_gpu_mpi": shared, "nccl": nccl}, open(sys.argv[3], "w"), indent=1)
sys.exit(not passed)
PYTHON
  return "$failed"
}

outcomes=()
any_failed=0
for part in "${parts[@]}"; do
  printf '== %s\n' "$part"
  log="$output/$part.log" json="$output/$part.json"
  rm -f "$json"
  started=$SECONDS
  code=0
  (set +e; "part_$part" "$json") >"$log" 2>&1 || code=$?
  case "$code" in
    0) outcome=passed ;;
    "$left_out") outcome="left out" ;;
    *) outcome=failed any_failed=1 ;;
  esac
  record="{\"part\": \"$part\", \"outcome\": \"$outcome\", \"exit_code\": $code, \"seconds\": $((SECONDS - started)), \"gpu\": \"$gpu\"}"
  [[ -s $json ]] || printf '%s\n' "$record" >"$json"
  outcomes+=("$record")
  [[ $outcome == passed ]] || tail -5 "$log"
done

(IFS=$'\n'; printf '[\n%s\n]\n' "$(sed '$!s/$/,/' <<<"${outcomes[*]}")") >"$output/summary.json"
printf '\n'
for record in "${outcomes[@]}"; do
  sed -E 's/.*"part": "([^"]*)", "outcome": "([^"]*)".*"seconds": ([0-9]+).*/\2 \1 \3 s/' <<<"$record" | sed -E 's/^(left out|passed|failed) (.*)/\1\t\2/'
done
printf 'on %s; logs and JSON: %s\n' "$gpu" "$output"
exit "$any_failed"
