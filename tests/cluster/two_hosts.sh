#!/usr/bin/env bash
# Two hosts on this machine, in namespaces, joined by one cable: names, addresses and /dev/shm of their own. Needs root and iproute2.
#   two_hosts.sh FOLDER
# Lives until it is killed; then everything inside has ended. FOLDER/on.sh HOST COMMAND... runs a command on h1 or h2, and is the agent
# that mpirun starts its daemons with (--mca plm_rsh_agent). FOLDER/cable.sh cut|mend. FOLDER/ready exists once all this works.
set -euo pipefail
if [[ -z ${TWO_HOSTS:-} ]]; then
  TWO_HOSTS="$(realpath -m "$1")"
  export TWO_HOSTS
  mkdir -p "$TWO_HOSTS"
  # Processes of h1 are in the outer of two process namespaces, those of h2 in the inner one: mpirun of h1 can start daemons there.
  exec unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
folder="$TWO_HOSTS"
printf '127.0.0.1 localhost\n10.77.0.1 h1\n10.77.0.2 h2\n' >"$folder/hosts"
hostname h1
mount -t tmpfs none /dev/shm
mount --bind "$folder/hosts" /etc/hosts
ip link set lo up
ip link add cable type veth peer name far
unshare --net --uts --ipc --mount --pid --fork --kill-child --mount-proc sh -c \
  "hostname h2; mount -t tmpfs none /dev/shm; ip link set lo up; exec sleep infinity" &
outer=$!
until second="$(cat /proc/$outer/task/$outer/children 2>/dev/null)" && [[ -n $second ]]; do sleep 0.05; done
second="${second%% *}"
until [[ "$(nsenter -t "$second" -u hostname)" == h2 && "$(readlink "/proc/$second/ns/net")" != "$(readlink /proc/self/ns/net)" ]]; do sleep 0.05; done
ip link set far netns "$second"
ip address add 10.77.0.1/24 dev cable
ip link set cable up
nsenter -t "$second" -n sh -c 'ip address add 10.77.0.2/24 dev far; ip link set far up'
cat >"$folder/on.sh" <<SCRIPT
#!/bin/sh
host=\$1
shift
if [ "\$host" = h2 ]; then exec nsenter -t $second -n -u -i -m -p sh -c "cd '\$PWD' && \$*"; fi
exec sh -c "\$*"
SCRIPT
cat >"$folder/cable.sh" <<SCRIPT
#!/bin/sh
case \$1 in cut) exec ip link set cable down ;; mend) exec ip link set cable up ;; esac
SCRIPT
chmod +x "$folder"/*.sh
touch "$folder/ready"
exec sleep infinity
