#!/usr/bin/env bash
# Installs, builds the programs, makes a small data set whose classes differ only in the order of events, trains on it with 2 MPI ranks, and
# prints the accuracy of DejaVid beside that of averaging over time. Safe to run again: what is there is kept, the run is made anew.
#   launch/quickstart.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,4p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
cd "$(dirname "$0")/.."

launch/install.sh
launch/build.sh cpu dejavid_dist dejavid_convert dejavid_bench # not the tests, which take far longer: launch/test.sh

say() { printf '\n== %s\n' "$*"; }
programs=build/cpu/bin
run=runs/quickstart
store=$run/order.h5

# shellcheck source=launch/local_mpi.sh
source launch/local_mpi.sh

rm -rf "$run"
mkdir -p "$run"
say "a store of 720 synthetic samples, 6 classes: the same events in every class, in another order"
"$programs/dejavid_convert" synthetic --preset order --samples 480 --val-samples 240 --seed 2 --out "$store"

say "training on 2 ranks"
mpirun -np 2 "$programs/dejavid_dist" train --config order --data.store "$store" --run.dir "$run/train"

say "the validation samples, by the model and by averaging over time"
"$programs/dejavid_dist" eval --model.init "$run/train/model.h5" --data.store "$store" --json "$run/eval.json"
.venv/bin/python launch/beside_averaging.py "$run/eval.json"

say "next, with your own data (README.md says what videos.csv holds):"
echo "$programs/dejavid_convert npy --manifest videos.csv --out videos.h5"
