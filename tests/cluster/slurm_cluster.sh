#!/usr/bin/env bash
# A real Slurm of two nodes on this machine, in namespaces of its own: no port, process or file of the machine is touched, and all of it
# ends with the command.
#   slurm_cluster.sh FOLDER COMMAND...
# Runs COMMAND where sbatch, srun and the others speak to that Slurm. FOLDER takes its state, logs and slurm.conf. Needs root, and
# Debian's slurmctld, slurmd, slurm-client and iproute2 (launch/install.sh --cluster).
#   nodes n1, n2    a host name, /dev/shm, temporary folder and processes of its own, two processors and two GPUs (in name only) each
#   partition main  the default; its jobs take nodes from those of the partition low, which are requeued
set -euo pipefail
if [[ -z ${SLURM_CLUSTER:-} ]]; then
  SLURM_CLUSTER="$(realpath -m "$1")"
  export SLURM_CLUSTER
  shift
  mkdir -p "$SLURM_CLUSTER"
  exec unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
folder="$SLURM_CLUSTER"
hostname controller
ip link set lo up
# In a namespace with loopback alone slurmctld and slurmd find no address to listen at.
ip link add outer type veth peer name inner
ip address add 10.78.0.1/24 dev outer
ip link set outer up
ip link set inner up
mkdir -p "$folder"/{state,log,spool/n1,spool/n2,tmp/n1,tmp/n2}
printf '127.0.0.1 localhost controller n1 n2\n' >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
# TmpFS: Slurm's PMIx plug-in makes a folder there, which nodes must not share. cred_expire: a requeued job waits that long, and 5 is the
# least that counts. GPUs are empty files: Slurm hands them out, and nobody can use them.
cat >"$folder/slurm.conf" <<CONFIGURATION
ClusterName=emulated
SlurmctldHost=controller(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
TmpFS=$folder/tmp/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
MpiDefault=none
ReturnToService=2
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=5
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=n[1-2] NodeAddr=127.0.0.1 Port=[6821-6822] CPUs=2 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
PartitionName=low Nodes=ALL PriorityTier=1 GraceTime=10 PreemptMode=REQUEUE MaxTime=INFINITE State=UP
CONFIGURATION
touch "$folder"/gpu{0,1}
echo "Name=gpu File=$folder/gpu[0-1]" >"$folder/gres.conf"
export SLURM_CONF="$folder/slurm.conf"
slurmctld -D -i >"$folder/log/slurmctld" 2>&1 &
controller=$!
for node in n1 n2; do
  # Ranks of one node must not meet those of the other in shared memory, nor see their processes.
  unshare --uts --ipc --mount --pid --fork --kill-child --mount-proc sh -c \
    "hostname $node; mount -t tmpfs none /dev/shm; exec slurmd -D -N $node" >"$folder/log/$node" 2>&1 &
done
for _ in $(seq 200); do
  if [[ "$(timeout 2 sinfo -h -p main -t idle -o %D 2>/dev/null)" == 2 ]]; then
    "$@"
    exit
  fi
  kill -0 "$controller" 2>/dev/null || break
  sleep 0.1
done
echo "slurm_cluster.sh: found no two idle nodes after 20 s; expected them; see $folder/log" >&2
exit 1
