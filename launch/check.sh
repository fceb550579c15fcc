#!/usr/bin/env bash
# Checks the style: clang-format over every file, then a build in which clang-tidy reads every file (about half an hour on 2 cores).
#   launch/check.sh [--format-only]
set -euo pipefail
cd "$(dirname "$0")/.."

launch/install.sh --tools
git ls-files '*.cpp' '*.hpp' '*.inl' '*.cu' '*.cuh' | xargs clang-format --dry-run --Werror
echo "== formatted"
if [[ "${1:-}" != --format-only ]]; then
  launch/build.sh tidy
  echo "== clang-tidy has nothing to say"
fi
