# Sourced by what runs the programs: those of the PATH, else of the build whose dejavid_dist is the newest.
# shellcheck shell=bash
programs_of_newest_build() {
  local root newest
  root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
  # The folders that are not there are no failure.
  newest="$(find "$root"/build/{cuda,cpu,dev}/bin -maxdepth 1 -name dejavid_dist -printf '%T@ %h\n' 2>/dev/null | sort -rn | head -1 | cut -d' ' -f2-)" || true
  export PATH="$PATH${newest:+:$newest}"
}
programs_of_newest_build
