#!/usr/bin/env bash
# Checks and measures the CUDA build on this machine's GPU, most valuable parts first.
#   launch/device_check.sh [--build FOLDER] [--seconds S] [--part NAME]... [--pack FOLDER] [OUTPUT]
# FOLDER is a build of the preset cuda; without it, what is missing is installed and built. A machine that has nothing installed takes
# launch/device_bundle.sh's bundle, which calls this script. Every part has a time limit; a part that fails or is late stops no other.
#   --seconds S     finish within S seconds: limits are the short ones of the table below, sanitizers run only the quickest tests, and
#                   a part that the rest of the time is too short for is left out. Without it a part may take 15 minutes.
#   --part NAME     this part only, or these, in this order; else all: those of the table below
#   --pack FOLDER   leave summary.txt and results.tar.gz there as well, brought up to date after every part
# Each part leaves a log and a JSON in OUTPUT (default device_check/<UTC time>); beside them summary.txt (outcomes and figures),
# summary.json, machine.txt, nvidia-smi.txt and clocks.csv, the GPU's clocks and power over the whole run. No setting of the GPU is
# changed. Exit code: 0 every part passed, 3 some were left out (no tool, no time, refused by this build) and none failed, 1 some
# failed or were late, 2 usage, or no GPU (the part start is tried all the same where --build is given).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# name, seconds it may take with --seconds, seconds without which it is left out
table="
start                       60  5
doctor                      40 10
gpu_tests                  110 30
kernels_hmdb51              40 15
kernels_k400                60 20
train_k400                  60 15
train_k400_i8_gradient_f16  40 15
train_k400_f16_gradient_f16 40 15
train_k400_i8               40 15
train_k400_f16              40 15
train_k400_gradient_f16     40 15
same_losses                 60 15
lrprop                      60 20
lrprop_paper                45 20
encode                     150 40
memcheck                    70 20
ncu                         90 20
ncu_along_paths             60 20
racecheck                   70 20
gpu_training                90 30
communicator                60 10
train_hmdb51                60 20
synccheck                   45 20
eval                        60 20
"
declare -A short_limit=() least=()
all_parts=()
while read -r name limit seconds; do
  [[ -n $name ]] || continue
  all_parts+=("$name") short_limit[$name]=$limit least[$name]=$seconds
done <<<"$table"
long_limit=900 left_out_code=99 # of a part that has nothing to run with

usage_error() { printf 'device_check.sh: %s\n' "$*" >&2; exit 2; }
build="" output="" total="" pack=""
parts=()
while (($#)); do
  case "$1" in
    -h | --help) sed -n '2,13p' "${BASH_SOURCE[0]}" | cut -c3-; printf 'Parts: %s\n' "${all_parts[*]}"; exit 0 ;;
    --build | --seconds | --part | --pack)
      (($# > 1)) || usage_error "found nothing after $1; see --help"
      case "$1" in
        --build) build="$2" ;;
        --seconds) total="$2" ;;
        --part) parts+=("$2") ;;
        --pack) pack="$2" ;;
      esac
      shift ;;
    -*) usage_error "unknown option '$1'; see --help" ;;
    *) output="$1" ;;
  esac
  shift
done
for part in ${parts[@]+"${parts[@]}"}; do
  [[ -n ${least[$part]:-} ]] || usage_error "found --part $part; expected one of: ${all_parts[*]}"
done
((${#parts[@]})) || parts=("${all_parts[@]}")
[[ -z $total || $total =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "found --seconds $total; expected a whole number"

gpu="$(timeout 20 nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -1)" || gpu=""
if [[ -z $gpu ]]; then
  echo "device_check.sh: no GPU found (nvidia-smi names none); run this on a machine with one" >&2
  [[ -n $build ]] || exit 2
fi
if [[ -z $build ]]; then
  launch/install.sh --cuda
  launch/build.sh cuda
  build=build/cuda
fi
[[ -d $build/bin && -d $build/tests ]] || usage_error "found no bin/ and tests/ in $build; expected a build of the preset cuda"
build="$(cd "$build" && pwd)"
output="${output:-device_check/$(date -u +%Y-%m-%dT%H-%M-%SZ)}"
mkdir -p "$output" ${pack:+"$pack"}
output="$(cd "$output" && pwd)"
[[ -z $pack ]] || pack="$(cd "$pack" && pwd)"
SECONDS=0
end=$((${total:-0} - 3)) # the last packing takes a moment

scratch="$(mktemp -d)"
stores="$scratch" # in memory where there is room: reading is not what is measured
if [[ -w /dev/shm && $(df -k --output=avail /dev/shm | tail -1) -gt 3000000 ]]; then stores="$(mktemp -d /dev/shm/device_check.XXXXXX)"; fi
python="python3" # one with what the tests import, where there is any
for candidate in "${DEVICE_PYTHON:-}" .venv/bin/python python3; do
  if [[ -n $candidate ]] && "$candidate" -c 'import h5py, numpy' 2>/dev/null; then python="$(command -v "$candidate")"; break; fi
done
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none GTEST_COLOR=no
export PATH="$PATH:/usr/local/cuda/bin" TMPDIR="$scratch"
export build output scratch stores python total left_out_code

# ------------------------------------------------------------------------------------------------------------------ the parts
# Each runs in a shell of its own, with the path of its JSON as argument; what it prints is its log.

need() { # tool
  command -v "$1" >/dev/null && return
  echo "left out: no $1 on this machine"
  return "$left_out_code"
}

part_start() {
  local failed=0 program
  for program in "$build"/bin/*; do
    [[ -f $program && -x $program ]] || continue
    "$program" --help >/dev/null || { echo "$program does not start"; failed=1; }
  done
  ldd "$build"/bin/* 2>&1 | grep 'not found' && failed=1
  need mpirun || return
  mpirun -np 2 "$build/bin/dejavid_dist" doctor --dist.device cpu || failed=1
  return "$failed"
}

part_doctor() { "$build/bin/dejavid_dist" doctor; }

# Runs tests and fails where they skipped themselves: there is a GPU.
no_skipping() { # command
  local code
  "$@" 2>&1 | tee "$scratch/tests"
  code=${PIPESTATUS[0]}
  if grep -qE 'found no GPU|\[  PASSED  \] 0 tests' "$scratch/tests"; then
    echo "tests skipped although there is a GPU"
    code=1
  fi
  return "$code"
}

part_gpu_tests() {
  local failed=0 none=1 program
  for program in "$build"/tests/*; do
    [[ -f $program && -x $program ]] || continue
    echo "-- $program"
    GTEST_OUTPUT="json:$output/gtest/$(basename "$program").json" no_skipping "$program" || failed=1
    none=0
  done
  ((none == 0)) || { echo "no test programs in $build/tests"; failed=1; }
  return "$failed"
}

# The kernels' tests, whose shapes are small: a sanitizer slows a kernel down by a hundred times and more. In a hurry, the quickest of
# them, which part gpu_tests has timed.
sanitize() { # tool and its options
  local filter='*' code
  need compute-sanitizer || return
  if [[ -n $total && -s $output/gtest/cuda_kernels_test.json ]]; then
    filter="$("$python" launch/device_figures.py --quickest 2 "$output/gtest/cuda_kernels_test.json")" || filter='*'
  fi
  # racecheck does not follow the counter by which warps hand a tile back (kernels/cuda/bulk_copy.cuh): every copy there is a race to it.
  if [[ $1 == racecheck ]]; then filter+="-CudaHalfDistances.*:CudaHalfGradient.*"; fi
  compute-sanitizer --error-exitcode 1 --tool "$@" "$build/tests/cuda_kernels_test" --gtest_filter="$filter" 2>&1 | tee "$scratch/sanitizer"
  code=${PIPESTATUS[0]}
  # Some virtual machines' GPUs.
  if grep -qE 'Device not supported|LibraryNotLoaded' "$scratch/sanitizer"; then
    echo "left out: compute-sanitizer does not support this GPU"
    return "$left_out_code"
  fi
  return "$code"
}
part_memcheck() { sanitize memcheck --leak-check full; }
part_racecheck() { sanitize racecheck --racecheck-report all; }
part_synccheck() { sanitize synccheck; }

part_kernels_hmdb51() { "$build/bin/dejavid_bench" kernels --device cuda --shape hmdb51 --seconds 0.02 --json "$1"; }
part_kernels_k400() { "$build/bin/dejavid_bench" kernels --device cuda --shape k400 --samples 384 --seconds 0.02 --json "$1"; }
part_train_hmdb51() { "$build/bin/dejavid_bench" train --device cuda --preset hmdb51 --samples 3570 --json "$1"; }

# Made once: ten batches of the shape of Kinetics-400.
k400_store() {
  local store="$stores/k400.h5"
  if [[ ! -f $store ]]; then
    rm -f "$store.new"
    "$build/bin/dejavid_convert" synthetic --preset k400 --samples 3840 --seed 1 --out "$store.new" --progress off >&2 || return 1
    mv "$store.new" "$store"
  fi
  echo "$store"
}
# Three epochs. Of precisions other than the default, a build may know none: then it refuses the options with exit code 2.
train_k400() { # json options
  local json="$1" store code=0
  shift
  store="$(k400_store)" || return 1
  "$build/bin/dejavid_bench" train --device cuda --store "$store" --epochs 3 --json "$json" "$@" || code=$?
  if ((code == 2 && $#)); then
    echo "left out: refused by this build: $*"
    return "$left_out_code"
  fi
  return "$code"
}
part_train_k400() { train_k400 "$1"; }
part_train_k400_f16() { train_k400 "$1" --path-precision f16; }
part_train_k400_i8() { train_k400 "$1" --path-precision i8; }
part_train_k400_gradient_f16() { train_k400 "$1" --gradient-precision f16; }
part_train_k400_f16_gradient_f16() { train_k400 "$1" --path-precision f16 --gradient-precision f16; }
part_train_k400_i8_gradient_f16() { train_k400 "$1" --path-precision i8 --gradient-precision f16; }

# How long a whole evaluation takes, start of the program included; its model is that of one epoch.
part_eval() {
  local store started
  store="$(k400_store)" || return 1
  "$build/bin/dejavid_dist" train --config configs/k400.toml --data.store "$store" --dist.device cuda --train.epochs 1 \
    --centroids.iterations 2 --run.dir "$scratch/eval" --run.progress off || return 1
  started="$(date +%s%N)"
  "$build/bin/dejavid_dist" eval --model.init "$scratch/eval/model.h5" --data.store "$store" --eval.split train --dist.device cuda \
    --json "$scratch/eval.json" || return 1
  printf '{"eval_samples": 3840, "wall_s": %d.%03d}\n' $((($(date +%s%N) - started) / 1000000000)) \
    $((($(date +%s%N) - started) / 1000000 % 1000)) >"$1"
}

# Two ranks on one GPU through host memory, and one rank with NCCL.
part_same_losses() {
  need mpirun && need python3 || return
  local store="$scratch/order.h5" failed=0
  train() { # folder, ranks, backend
    mpirun -np "$2" "$build/bin/dejavid_dist" train --config configs/order.toml --train.epochs 4 --data.store "$store" \
      --run.dir "$scratch/$1" --dist.device cuda --dist.backend "$3"
  }
  "$build/bin/dejavid_convert" synthetic --preset order --samples 480 --val-samples 240 --seed 2 --out "$store" || return 1
  CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}" train shared 2 mpi || failed=1
  train nccl 1 nccl || failed=1
  ((failed)) || python3 launch/device_figures.py --compare-losses "$scratch/shared/metrics.jsonl" "$scratch/nccl/metrics.jsonl" "$1" || failed=1
  return "$failed"
}

# Steps of LRProp on the GPU and on the CPU, two ranks that share the GPU, and evaluation there.
part_lrprop() {
  need python3 || return
  local store="$scratch/lrprop.h5" failed=0
  align() { # folder, device, launcher
    "${@:3}" "$build/bin/lrprop_dist" train --config configs/lrprop/utkinect.toml --data.store "$store" --run.dir "$scratch/$1" \
      --dist.device "$2" --train.frames 32 --train.epochs 3 --train.lr 0.0003
  }
  "$build/bin/dejavid_convert" synthetic --preset order --samples 48 --val-samples 24 --steps 40 --features 64 --seed 2 --out "$store" || return 1
  align lrprop_cpu cpu || failed=1
  align lrprop_cuda cuda || failed=1
  ((failed)) || python3 launch/device_figures.py --compare-losses "$scratch/lrprop_cuda/metrics.jsonl" "$scratch/lrprop_cpu/metrics.jsonl" "$1" || failed=1
  if need mpirun; then
    CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}" align lrprop_shared cuda mpirun -np 2 || failed=1
    ((failed)) || python3 launch/device_figures.py --compare-losses "$scratch/lrprop_shared/metrics.jsonl" "$scratch/lrprop_cuda/metrics.jsonl" "$scratch/shared.json" || failed=1
  fi
  "$build/bin/lrprop_dist" embed --model.init "$scratch/lrprop_cpu/model.h5" --data.store "$store" --dist.device cuda --out "$scratch/embedded.h5" || failed=1
  return "$failed"
}

# Steps of the paper's encoder: 2,048 features, 240 frames a view.
part_lrprop_paper() {
  local store="$stores/lrprop.h5"
  "$build/bin/dejavid_convert" synthetic --preset order --samples 48 --val-samples 6 --steps 260 --features 2048 --seed 2 --out "$store" || return 1
  "$build/bin/lrprop_dist" train --config configs/lrprop/paper.toml --data.store "$store" --run.dir "$scratch/lrprop_paper" --dist.device cuda \
    --train.epochs 4 --train.frames 240 --train.pairs_per_step 1 --run.progress off || return 1
  tail -n 4 "$scratch/lrprop_paper/metrics.jsonl"
}

# Clips through encoders on the GPU in each precision, beside the CPU: a network as tracing on a CPU leaves it, and EfficientNet-lite0
# where its weights are.
part_encode() {
  "$python" -c 'import h5py, torch' || { echo "left out: no Python with h5py and torch on this machine"; return "$left_out_code"; }
  local failed=0
  encode() { # name, the encoder, device, precision
    "$build/bin/dejavid_encode" --videos "$scratch/clips" --encoder "$2" --windows fraction --device "$3" --precision "$4" \
      --progress off --out "$scratch/$1.h5"
  }
  compare() { # name, the encoder
    encode "$1_cpu" "$2" cpu f32 || return 1
    while read -r precision allowed; do
      encode "$1_$precision" "$2" cuda "$precision" &&
        "$python" launch/device_figures.py --compare-features "$scratch/$1_$precision.h5" "$scratch/$1_cpu.h5" "$allowed" || failed=1
    done <<<$'f32 1e-3\nf16 2e-2\nbf16 1e-1'
  }
  "$build/bin/dejavid_encode" scenes --clips 1 --val-clips 0 --out "$scratch/clips" || return 1
  "$python" launch/export_encoder.py --model module:tests/gpu/clip_network.py:build --out "$scratch/clips.pt" --kind clip --frames 16 --size 112 \
    --layout NCTHW --mean 0.43 0.39 0.37 --std 0.23 0.22 0.21 --resize bilinear || return 1
  compare clips "$scratch/clips.pt" || failed=1
  if [[ -f ${DEJAVID_EFFICIENTNET_LITE0:-} ]]; then
    compare lite0 efficientnet-lite0 || failed=1
  else
    echo "without efficientnet-lite0: DEJAVID_EFFICIENTNET_LITE0 names no file of its weights"
  fi
  return "$failed"
}

# Profiles the kernels at the K400 size into ncu's report NAME.
count() { # NAME and ncu's options
  local name="$1" code
  shift
  need ncu || return
  ncu --clock-control none "$@" --section SpeedOfLight --section WarpStateStats --section SchedulerStats --section LaunchStats \
    --export "$output/$name" --force-overwrite \
    "$build/bin/dejavid_bench" kernels --device cuda --shape k400 --repeats 1 --seconds 0 2>&1 | tee "$scratch/ncu"
  code=${PIPESTATUS[0]}
  if grep -qE 'ERR_NVGPUCTRPERM|Failed to initialize the profiler|LibraryNotLoaded' "$scratch/ncu"; then
    echo "left out: this machine lets nobody read the GPU's counters"
    return "$left_out_code"
  fi
  return "$code"
}

# Hardware counters of every kernel. The comparison with the reference launches small ones first: of each kernel, device_figures.py shows
# the longest launch.
part_ncu() {
  count ncu --target-processes all --kernel-name 'regex:.*_kernel' --launch-count 150 --section Occupancy \
    --section ComputeWorkloadAnalysis --section MemoryWorkloadAnalysis --section InstructionStats || return
  ncu --import "$output/ncu.ncu-rep" --page raw --csv >"$output/ncu.csv"
}

# What each instruction of the kernels along paths in f16 waits for.
part_ncu_along_paths() {
  count ncu_along_paths --kernel-name 'regex:half_(distance|gradient)_kernel' --launch-skip 4 --launch-count 6 --section SourceCounters || return
  ncu --import "$output/ncu_along_paths.ncu-rep" --page source --csv >"$output/ncu_source.csv" &&
    ncu --import "$output/ncu_along_paths.ncu-rep" --page details >"$output/ncu_along_paths.txt"
}

# The project's own comparison of training on the GPU and on the CPU.
part_gpu_training() {
  "$python" -c 'import h5py, numpy' || { echo "left out: no Python with h5py and numpy on this machine"; return "$left_out_code"; }
  DEJAVID_BIN="$build/bin" DEJAVID_SOURCE="$PWD" PYTHONDONTWRITEBYTECODE=1 no_skipping "$python" -m unittest -v tests/gpu/test_training.py
}

# Two ranks that share a GPU: sums go through host memory.
part_communicator() {
  need mpirun || return
  CUDA_VISIBLE_DEVICES="${CUDA_VISIBLE_DEVICES:-0}" no_skipping mpirun -np 2 "$build/tests/device_communicator_test"
}

# ------------------------------------------------------------------------------------------------------- running and reporting

# Ends every process of a session: those of a part, whatever process groups mpirun made.
end_session() { # session
  local file stat number
  for file in /proc/[0-9]*/stat; do
    stat="$(cat "$file" 2>/dev/null)" || continue
    read -r _ _ _ number _ <<<"${stat##*) }" # state, parent, group, session
    if [[ $number == "$1" ]]; then
      number="${file#/proc/}"
      kill -KILL "${number%/stat}" 2>/dev/null || true
    fi
  done
}

report() {
  local shown=("$python" launch/device_figures.py "$output")
  (IFS=$'\n'; printf '[\n%s\n]\n' "$(sed '$!s/$/,/' <<<"${records[*]}")") >"$output/summary.json"
  {
    printf '%s, %d s%s\n' "$(date -u +%FT%TZ)" "$SECONDS" "${total:+ of $total}"
    cat "$output/machine.txt"
    printf '\n%s\n\n' "$outcomes"
    if command -v "$python" >/dev/null; then "${shown[@]}" 2>&1; else echo "no figures: no python3 on this machine"; fi
  } >"$output/summary.txt"
  [[ -n $pack ]] || return 0
  # Renamed once whole: this script may be stopped at any time.
  cp "$output/summary.txt" "$pack/.summary.txt" && mv "$pack/.summary.txt" "$pack/summary.txt"
  tar -C "$(dirname "$output")" -czf "$pack/.results.tar.gz" "$(basename "$output")" && mv "$pack/.results.tar.gz" "$pack/results.tar.gz"
}

outcomes="" # lines of text
records=()  # lines of summary.json
any_failed=0 any_left_out=0 start_failed=0
note() { printf '%s\n' "$1"; outcomes+="${outcomes:+$'\n'}$1"; }

session=""
run_part() { # name
  local part="$1" log="$output/$1.log" json="$output/$1.json" limit=$long_limit code=0 started=$SECONDS outcome since reason=""
  rm -f "$json"
  since=$(date +%s)
  if [[ -n $total ]]; then
    limit=${short_limit[$part]}
    if ((limit > end - SECONDS)); then limit=$((end - SECONDS)); fi
  fi
  if [[ -z $gpu && $part != start ]]; then
    code=$left_out_code reason="no GPU"
  elif ((limit < least[$part])); then
    code=$left_out_code reason="$limit s left, ${least[$part]} needed"
  fi
  if [[ -n $reason ]]; then
    printf 'left out: %s\n' "$reason" >"$log"
  else
    printf '== %s\n' "$part"
    # A session of its own, and signals let through to nobody else's processes.
    setsid timeout --kill-after=3 "$limit" bash -c "$(declare -f); set -uo pipefail; part_$part \"\$1\"" "$part" "$json" >"$log" 2>&1 </dev/null &
    session=$!
    wait "$session" 2>/dev/null || code=$?
    end_session "$session"
    session=""
    # A log may go on without end.
    if (($(stat -c %s "$log") > 2000000)); then tail -c 1000000 "$log" >"$log.end" && mv "$log.end" "$log"; fi
  fi
  case "$code" in
    0) outcome=passed ;;
    "$left_out_code") outcome="left out" any_left_out=1 ;;
    124 | 137) outcome=late any_failed=1 ;;
    *) outcome=failed any_failed=1 ;;
  esac
  [[ $part != start || $outcome == passed || $outcome == "left out" ]] || start_failed=1
  records+=("{\"part\": \"$part\", \"outcome\": \"$outcome\", \"exit_code\": $code, \"seconds\": $((SECONDS - started)), \"gpu\": \"$gpu\", \"unix_times\": [$since, $(date +%s)]}")
  [[ -s $json ]] || printf '%s\n' "${records[-1]}" >"$json"
  note "$(printf '%-8s  %-28s %4d s' "$outcome" "$part" $((SECONDS - started)))"
  [[ $outcome == passed ]] || note "$(tail -n 5 "$log" | cut -c1-300 | sed 's/^/          | /')"
  report
}

sampler=""
finish() {
  [[ -z $session ]] || end_session "$session"
  [[ -z $sampler ]] || kill "$sampler" 2>/dev/null || true
  rm -rf "$scratch" "$stores"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

if [[ -n $gpu ]]; then
  timeout 20 nvidia-smi -q >"$output/nvidia-smi.txt" 2>&1 || true
  stdbuf -oL nvidia-smi --query-gpu=timestamp,clocks.sm,clocks.mem,power.draw,temperature.gpu,utilization.gpu,clocks_event_reasons.active \
    --format=csv,noheader,nounits -lms 500 >"$output/clocks.csv" 2>&1 </dev/null &
  sampler=$!
fi
{
  printf 'GPU: %s\n' "$(timeout 20 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,compute_mode --format=csv,noheader 2>/dev/null || echo none)"
  printf '%s; %s cores; %s\n' "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null)" "$(nproc)" "$(uname -rm)"
  [[ -z ${DEVICE_MACHINE:-} ]] || printf '%s\n' "$DEVICE_MACHINE"
} >"$output/machine.txt"
cat "$output/machine.txt"
for part in "${parts[@]}"; do run_part "$part"; done
printf '\n'
cat "$output/summary.txt"
printf 'logs and JSON: %s\n' "$output"

if [[ -z $gpu ]]; then exit $((start_failed ? 1 : 2)); fi
((any_failed == 0)) || exit 1
((any_left_out == 0)) || exit 3
