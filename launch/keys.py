#!/usr/bin/env python3
"""Writes docs/reference/keys.md, the page of configuration keys, from the program's own help page.

  launch/keys.py [PROGRAM]    dejavid_dist, or a path to it; build/cpu/bin/dejavid_dist where none is named
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "keys.md"
HEAD = """# Keys

Every key of `dejavid_dist`, as a line of a TOML file (`--config`) or an option of the command line (`--train.lr 0.01`), which counts for more.
`--print-config` prints what would be used.
This page is written by `launch/keys.py` from `dejavid_dist --help`.
"""
OPTION = re.compile(r"^  --(?P<section>\w+)\.(?P<name>\w+) (?P<values>.+?)(?: \[(?P<default>[^\]]*)\])? {2,}(?P<help>\S.*)$")


def page(help_text):
    """The page for what `dejavid_dist --help` prints."""
    lines, section = [HEAD], None
    for line in help_text.splitlines():
        option = OPTION.match(line)
        if not option:
            continue
        if option["section"] != section:
            section = option["section"]
            lines.append(f"\n## {section}\n\n| key | values | default | meaning |\n|---|---|---|---|\n")
        cells = [f"`{section}.{option['name']}`", option["values"], option["default"] or "", option["help"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(lines)


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "cpu" / "bin" / "dejavid_dist")
    PAGE.write_text(page(subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout))


if __name__ == "__main__":
    main()
