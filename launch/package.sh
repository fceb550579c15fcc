#!/usr/bin/env bash
# Makes build/dev/dejavid-dist*.tar.gz and .deb: dejavid_dist, dejavid_convert, configs and documents, to run where nothing is built.
#   launch/package.sh
set -euo pipefail
case "${1:-}" in -h | --help) sed -n '2,3p' "${BASH_SOURCE[0]}" | cut -c3-; exit 0 ;; esac
cd "$(dirname "$0")/.."
launch/build.sh dev dejavid_dist dejavid_convert
(cd build/dev && cpack)
