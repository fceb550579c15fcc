#!/usr/bin/env bash
# Makes the pictures of README.md and docs, from the programs and from the benchmarks' JSON.
#   launch/pictures.sh [OUTPUT]     OUTPUT: docs/pictures by itself
# After launch/build.sh; a minute. The same programs on the same machine give the same bytes. Pictures are SVG without scripts, readable on
# light and on dark:
#   story.svg      two clips of launch/quickstart_video.sh that differ in the order of events, and how they are told apart
#   alignment.svg  one of them beside the centroids of its class and of the one that comes nearest
#   accuracy.svg   accuracy against training time on real sets, of docs/results/data/accuracy.json
#   terminal.svg   what training prints
#   lrprop-alignment.svg   two clips of the same events, aligned by LRProp, with phases
#   pairs.svg      frames of these two beside each other: where each event begins in the first, and its middle
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,11p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
output="$(realpath -m "${1:-$(dirname "${BASH_SOURCE[0]}")/../docs/pictures}")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=launch/local_mpi.sh
source launch/local_mpi.sh
programs="${DEJAVID_BIN:-build/cpu/bin}"
for program in dejavid_encode dejavid_dist dejavid_convert lrprop_dist; do
  [[ -x $programs/$program ]] || { echo "pictures.sh: found no $programs/$program; run launch/install.sh && launch/build.sh" >&2; exit 1; }
done
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
clips="$scratch/clips" store="$scratch/clips.h5" run="$scratch/run"

"$programs/dejavid_encode" scenes --out "$clips" --clips 12 --val-clips 6 --phases "$scratch/phases.csv" >/dev/null
"$programs/dejavid_encode" --videos "$clips" --encoder motion --windows fraction --out "$store" --progress off >/dev/null
"$programs/dejavid_dist" train --config series --data.store "$store" --run.dir "$run" --run.progress off >"$scratch/terminal" 2>&1
"$programs/dejavid_dist" eval --model.init "$run/model.h5" --data.store "$store" --json "$scratch/eval.json" >/dev/null
for clip in open_cross_glow/0000 glow_cross_open/0001; do
  "$programs/dejavid_encode" inspect "$clips/val/$clip.mp4" --encoder motion --picture "$scratch/${clip%/*}.png" --picture-frames 9 >/dev/null
done
mkdir -p "$output"
"$programs/dejavid_dist" align --model.init "$run/model.h5" --data.store "$store" --sample val/open_cross_glow/0000.mp4 --out "$scratch/align" >/dev/null
cp "$scratch/align/alignment.svg" "$output/alignment.svg"

# The clips of one order, with their events as phases.
action=open_cross_glow
for split in train val; do mkdir -p "$scratch/action/$split" && cp -r "$clips/$split/$action" "$scratch/action/$split"; done
grep -E "^id|/$action/" "$scratch/phases.csv" >"$scratch/labels.csv"
"$programs/dejavid_encode" --videos "$scratch/action" --encoder motion --windows multi --widths 8 --out "$scratch/frames.h5" --progress off >/dev/null
"$programs/dejavid_convert" labels --store "$scratch/frames.h5" --labels "$scratch/labels.csv" >/dev/null
"$programs/lrprop_dist" train --config configs/lrprop/utkinect.toml --data.store "$scratch/frames.h5" --run.dir "$scratch/lrprop" \
  --train.epochs 60 --train.frames 40 --run.progress off >/dev/null 2>&1
"$programs/lrprop_dist" align --model.init "$scratch/lrprop/model.h5" --data.store "$scratch/frames.h5" \
  --query "val/$action/0000.mp4" --with "val/$action/0001.mp4" --out "$scratch/aligned" >/dev/null 2>&1
path="$scratch/aligned/align-val=2F$action=2F0001.mp4"
cp "$path.svg" "$output/lrprop-alignment.svg"
"$programs/dejavid_encode" beside "$path.csv" "$clips/val/$action/0000.mp4" "$clips/val/$action/0001.mp4" \
  --key-frames 8,13,29,38,60,68 --out "$output/pairs.svg" >/dev/null

.venv/bin/python launch/pictures.py "$scratch" "$output"
