#!/bin/bash
# A chain of jobs in place of one that queues itself again, for clusters where a job may not (no scontrol in a container, no --requeue): the
# next job starts where the one before was stopped, and what is left is withdrawn once the run is done. From the repository's folder:
#   launch/slurm/chain.sh COUNT [SBATCH OPTION...] SCRIPT [ARGUMENT...]
#   launch/slurm/chain.sh 5 --time=04:00:00 launch/slurm/train.sbatch --data.store videos.h5 --run.dir runs/videos
# SCRIPT is train.sbatch, train_mpirun.sbatch or encode.sbatch. A job that fails starts the next one too: the run goes on from its last checkpoint, or
# fails the same way, COUNT times at most. The jobs' numbers are printed.
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,7p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
if [[ ! ${1:-} =~ ^[1-9][0-9]?$ || $# -lt 2 ]]; then
  echo "chain.sh: found '$*'; expected COUNT (1 to 99), options of sbatch, a script and its arguments; see the head of $0" >&2
  exit 2
fi
count="$1"
shift
export DEJAVID_RESTARTS=0
jobs=()
for _ in $(seq "$count"); do
  after=()
  # After all before: the end of any of them withdraws the rest.
  if ((${#jobs[@]})); then after=(--dependency="afternotok:$(IFS=:; echo "${jobs[*]}")" --kill-on-invalid-dep=yes); fi
  job="$(sbatch --parsable --no-requeue "${after[@]}" "$@")"
  jobs+=("${job%%;*}") # on some clusters NUMBER;CLUSTER
  echo "${jobs[-1]}"
done
