#!/usr/bin/env bash
# How well one configuration classifies some sets: trains on each of them with several seeds, and ends with a table.
#   launch/accuracy.sh --runs FOLDER [--config FILE.toml] [--settings "--KEY VALUE ..."] [--seeds N] [--ranks N] [--validation]
#                      [--published FILE.csv] [--peers NAME,...] [--python PYTHON] [--json OUT.json [--add]] SET...
# SET          NAME=TRAIN.ts,TEST.ts, NAME=STORE.h5, or STORE.h5; judged is its test split, or val where it has none
# --runs       where runs are kept: finished ones are not made again, an interrupted one goes on; those of other settings are refused
# --config     configs/series.toml by itself; --settings adds keys to it
# --seeds      5: train.seed from 0
# --ranks      2: of mpirun
# --validation looks at nothing of the judged split, but at a third of the training samples that each seed holds out, or at the val split of a
#              store that also has a test split: to choose settings
# --published  rows dataset,classifier,accuracy,... of accuracies on the same split; --peers says of which classifiers (ROCKET,HC2,InceptionT,ResNet)
# --python     one with h5py and scikit-learn, for SVMs on averages, and aeon, for MiniRocket (.venv/bin/python by itself)
# --json       FOLDER/accuracy.json by itself; the table is printed and lies beside it as .md
# --add        trains nothing: gives the OUT.json of --json, of an earlier command with the same sets, those of these classifiers that it lacks
# Programs come from PATH, else from the newest of build/cuda, build/cpu and build/dev.
set -euo pipefail
case "${1:---help}" in -h | --help) sed -n '2,16p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=launch/programs.sh
source "$root/launch/programs.sh"
# shellcheck source=launch/local_mpi.sh
source "$root/launch/local_mpi.sh"
exec python3 "$root/launch/accuracy.py" "$@"
