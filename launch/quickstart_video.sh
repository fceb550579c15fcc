#!/usr/bin/env bash
# Installs, builds the programs, draws small video clips whose classes differ only in the order of events, encodes them on 2 MPI ranks with
# the encoder `motion`, which needs no weights, trains on the features, and prints the accuracy of DejaVid beside that of averaging over
# time. Safe to run again: what is there is kept, the run is made anew.
#   launch/quickstart_video.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,5p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
cd "$(dirname "$0")/.."

launch/install.sh
launch/build.sh cpu dejavid_encode dejavid_dist # not the tests, which take far longer: launch/test.sh

say() { printf '\n== %s\n' "$*"; }
programs=build/cpu/bin
run=runs/quickstart_video
# shellcheck source=launch/local_mpi.sh
source launch/local_mpi.sh

rm -rf "$run"
say "108 clips of 96 x 96 pixels, 6 classes: a box that opens, a ball that crosses and a lamp that glows, in every order"
"$programs/dejavid_encode" scenes --out "$run/clips" --clips 12 --val-clips 6

say "from clips to features, on 2 ranks"
mpirun -np 2 "$programs/dejavid_encode" --videos "$run/clips" --encoder motion --windows fraction --out "$run/clips.h5"

say "training on 2 ranks"
mpirun -np 2 "$programs/dejavid_dist" train --config series --data.store "$run/clips.h5" --run.dir "$run/train"

say "the validation clips, by the model and by averaging over time"
"$programs/dejavid_dist" eval --model.init "$run/train/model.h5" --data.store "$run/clips.h5" --json "$run/eval.json"
.venv/bin/python launch/beside_averaging.py "$run/eval.json"

say "next, with your own clips, one folder a class:"
echo "$programs/dejavid_encode --videos clips --encoder motion --windows fraction --out clips.h5"
