#!/usr/bin/env bash
# Checks the style.
#   launch/check.sh                  everything below, then a build in which clang-tidy reads every file (about half an hour on 2 cores)
#   launch/check.sh --quick          clang-format, shellcheck, codespell, and whether the documents' links and files exist: seconds
#   launch/check.sh --format-only    clang-format alone
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "") install=--tools ;;
  --quick | --format-only) install=--checks ;;
  -h | --help) sed -n '2,5p' launch/check.sh | cut -c3-; exit 0 ;;
  *) echo "check.sh: unknown argument '$1'; expected --quick, --format-only or nothing" >&2; exit 2 ;;
esac
launch/install.sh "$install"

git ls-files -z '*.cpp' '*.hpp' '*.inl' '*.cu' '*.cuh' | xargs -0 clang-format --dry-run --Werror
echo "== formatted"
if [[ "${1:-}" == --format-only ]]; then exit 0; fi
git ls-files -z '*.sh' '*.sbatch' .ci/run | xargs -0 shellcheck
echo "== shellcheck has nothing to say"
git ls-files -z | grep -zv '^tests/fuzz/finds/' | xargs -0 codespell
echo "== codespell has nothing to say"
(cd tests/docs && python3 -m unittest -q test_links.py)
echo "== the documents' links lead somewhere"
if [[ "${1:-}" == --quick ]]; then exit 0; fi
launch/build.sh tidy
echo "== clang-tidy has nothing to say"
