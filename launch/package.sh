#!/usr/bin/env bash
# Makes build/dev/dejavid-dist*.tar.gz and .deb: dejavid_dist, dejavid_convert, configs and documents, to run where nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."
launch/build.sh dev dejavid_dist dejavid_convert
(cd build/dev && cpack)
