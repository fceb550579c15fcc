#!/usr/bin/env python3
"""Writes the pages of configuration keys in docs/reference from the programs' own help pages.

  launch/keys.py [PROGRAM...]    dejavid_dist, lrprop_dist, or paths to them; both of build/cpu/bin where none is named
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = {"dejavid_dist": ROOT / "docs" / "reference" / "keys.md", "lrprop_dist": ROOT / "docs" / "reference" / "lrprop-keys.md"}
HEAD = """# {title}

Every key of `{program}`, as a line of a TOML file (`--config`) or an option of the command line (`--train.lr 0.01`), which counts for more.
`--print-config` prints what would be used.
`{program} help SUBCOMMAND` lists the keys that a subcommand reads: its command line takes no others, a file may hold any.
This page is written by `launch/keys.py` from `{program} --help`.
"""
TITLES = {"dejavid_dist": "Keys", "lrprop_dist": "Keys of lrprop_dist"}
OPTION = re.compile(r"^  --(?P<section>\w+)\.(?P<name>\w+) (?P<values>.+?)(?: \[(?P<default>[^\]]*)\])? {2,}(?P<help>\S.*)$")


def head(program):
    return HEAD.format(program=program, title=TITLES[program])


def page(program, help_text):
    """The page for what `PROGRAM --help` prints."""
    lines, section = [head(program)], None
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


def help_of(program):
    """What `PROGRAM --help` prints where a line holds a whole row."""
    wide = {**os.environ, "COLUMNS": "100000"}
    return subprocess.run([program, "--help"], env=wide, check=True, capture_output=True, text=True).stdout


def main():
    for program in sys.argv[1:] or [str(ROOT / "build" / "cpu" / "bin" / name) for name in PAGES]:
        name = pathlib.Path(program).name
        if name not in PAGES:
            sys.exit(f"keys.py: found '{program}'; expected {' or '.join(PAGES)}, or a path to one of them")
        PAGES[name].write_text(page(name, help_of(program)))


if __name__ == "__main__":
    main()
