#!/usr/bin/env bash
# Configures and builds what launch/install.sh prepared.
#   launch/build.sh [preset [target...]]    a preset of CMakePresets.json, cpu where none is named; everything where no target is
# Programs come to build/<preset>/bin. Safe to run again: only what changed is built.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  -h | --help) sed -n '2,4p' launch/build.sh | cut -c3-; exit 0 ;;
esac
preset="${1:-cpu}"
shift || true
printf '== building %s of the preset %s\n' "${*:-all}" "$preset"
cmake --preset "$preset"
cmake --build --preset "$preset" ${@:+--target "$@"}
printf '== ready: build/%s/bin\n' "$preset"
