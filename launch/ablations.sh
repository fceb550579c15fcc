#!/usr/bin/env bash
# The tables of the DejaVid paper on any store, several seeds a row: averaging over time beside DejaVid (4.1), what is learned (4.2), diagonal steps and
# paths by the live parameters (4.3). Ends with the tables in Markdown, the published figures beside the measured ones.
#   launch/ablations.sh --store STORE.h5 --runs FOLDER [--config FILE.toml] [--tables 4.1,4.2,4.3] [--seeds 3] [--json OUT.json] [SETTING...]
#   ... --dry-run                 lists the runs and what is there of them
#   ... --slurm "SBATCH OPTIONS"  runs them as one job array (launch/slurm/array.sbatch) and the tables as a job after it
# A second call makes what FOLDER lacks. launch/ablations.py --help says more.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/programs.sh
source "$here/programs.sh"
# shellcheck source=launch/local_mpi.sh
source "$here/local_mpi.sh"
exec python3 "$here/ablations.py" "$@"
