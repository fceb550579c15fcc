#!/usr/bin/env bash
# The tables of the DejaVid paper on any store, several seeds a row: averaging over time beside DejaVid (4.1), what is learned (4.2), diagonal steps and
# paths by the live parameters (4.3). Ends with the tables in Markdown, the published figures beside the measured ones.
#   launch/ablations.sh --store STORE.h5 --runs FOLDER [--config FILE.toml] [--tables 4.1,4.2,4.3] [--seeds 3] [--json OUT.json] [SETTING...]
#   ... --dry-run                 lists the runs and what is there of them
#   ... --slurm "SBATCH OPTIONS"  runs them as one job array (launch/slurm/array.sbatch) and the tables as a job after it
# A second call makes what FOLDER lacks. launch/ablations.py --help says more.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PATH="$PATH:$here/../build/cuda/bin:$here/../build/cpu/bin:$here/../build/dev/bin"

# As in launch/quickstart.sh: Open MPI as root, with more ranks than cores, and in containers.
export PATH OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_btl_vader_single_copy_mechanism=none
exec python3 "$here/ablations.py" "$@"
