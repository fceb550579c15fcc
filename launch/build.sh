#!/usr/bin/env bash
# Configures and builds what launch/install.sh prepared.
#   launch/build.sh [preset]    a preset of CMakePresets.json; cpu where none is named
# Programs come to build/<preset>/bin. Safe to run again: only what changed is built.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  -h | --help) sed -n '2,4p' launch/build.sh | cut -c3-; exit 0 ;;
esac
if (($# > 1)); then
  echo "build.sh: found $# arguments; expected one preset or none; see launch/build.sh --help" >&2
  exit 2
fi
preset="${1:-cpu}"
printf '== building the preset %s\n' "$preset"
cmake --preset "$preset"
cmake --build --preset "$preset"
printf '== ready: build/%s/bin\n' "$preset"
