"""What launch/pictures.sh draws itself: python pictures.py SCRATCH OUTPUT. Nothing but Python is needed."""

import base64
import json
import math
import pathlib
import re
import statistics
import struct
import sys
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Texts and lines have a colour that can be read on white and on black; what must not change has its own ground.
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #57606a; }
.strong { font-weight: 600; }
.small { font-size: 11px; }
.axis { stroke: #8b949e; stroke-width: 1; fill: none; }
.faint { stroke: #8b949e; stroke-width: 1; stroke-opacity: 0.35; fill: none; }
.ours { fill: #0072b2; stroke: #0072b2; }
.theirs { fill: #d55e00; stroke: #d55e00; }
text.ours, text.theirs { stroke: none; }
@media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } .ours { fill: #56b4e9; stroke: #56b4e9; } .theirs { fill: #e69f00; stroke: #e69f00; } }
</style>
"""


def picture(width, height, title, elements):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n'
            f"<title>{escape(title)}</title>\n{STYLE}" + "\n".join(elements) + "\n</svg>\n")


def text(x, y, words, style="", anchor="start"):
    return f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2, style="axis"):
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" class="{style}"/>'


def story(scratch):
    """Two film strips, and what averaging and alignment make of such clips."""
    evaluation = json.loads((scratch / "eval.json").read_text())
    clips = (("open_cross_glow", "a box opens, a ball crosses, a lamp glows"), ("glow_cross_open", "a lamp glows, a ball crosses, a box opens"))
    elements, left, y = [], 10, 26
    for name, words in clips:
        png = (scratch / f"{name}.png").read_bytes()
        width, height = struct.unpack(">II", png[16:24])
        shown = 0.8
        elements += [text(left, y, words, "strong"),
                     f'<image x="{left}" y="{y + 8}" width="{width * shown:g}" height="{height * shown:g}" '
                     f'href="data:image/png;base64,{base64.b64encode(png).decode()}"/>']
        y += height * shown + 36
    samples = evaluation["samples"]
    chance = 1 / len(evaluation["per_class"])
    for words, share, style in (("averaged over time", evaluation["class_means_top1"], "theirs"), ("aligned in time: DejaVid", evaluation["top1"], "ours")):
        elements += [text(left, y + 4, words), f'<rect x="{left + 190}" y="{y - 8}" width="{400 * share:g}" height="14" class="{style}"/>',
                     text(left + 198 + 400 * share, y + 4, f"{100 * share:.0f} %", "strong")]
        y += 24
    elements.append(text(left, y + 4, f"right of {samples} new clips in six classes, one for each order of these three events; chance is {100 * chance:.0f} %", "small"))
    return picture(720, int(y + 16), "Clips that differ in the order of events, by averaging and by alignment", elements)


def accuracy():
    """Accuracy against training time: a mark a set and classifier."""
    document = json.loads((ROOT / "docs" / "results" / "data" / "accuracy.json").read_text())
    left, top, width, height = 60, 50, 440, 250
    least, most = 0.85, 1.0
    times = (0.1, 1.0, 10.0)

    def x(seconds):
        return left + width * (math.log10(max(seconds, 0.05)) - math.log10(0.05)) / (math.log10(20) - math.log10(0.05))

    def y(share):
        return top + height * (most - share) / (most - least)

    elements = [text(left, 22, "top-1 on six real sets, against seconds of training on two cores", "strong")]
    for share in (0.85, 0.9, 0.95, 1.0):
        elements += [line(left, y(share), left + width, y(share), "faint"), text(left - 8, y(share) + 4, f"{share:.2f}", "small", "end")]
    for seconds in times:
        elements += [line(x(seconds), top + height, x(seconds), top + height + 5), text(x(seconds), top + height + 20, f"{seconds:g} s", "small", "middle")]
    elements.append(line(left, top + height, left + width, top + height))
    labels = []
    for record in document["records"]:
        ours = (statistics.mean(record["wall_seconds"]), statistics.mean(record["top1"]))
        theirs = record.get("minirocket") or {}
        if theirs.get("top1"):
            theirs = (statistics.mean(theirs["seconds"]), statistics.mean(theirs["top1"]))
            elements.append(line(x(ours[0]), y(ours[1]), x(theirs[0]), y(theirs[1]), "faint"))
            elements.append(f'<rect x="{x(theirs[0]) - 4.5:.1f}" y="{y(theirs[1]) - 4.5:.1f}" width="9" height="9" class="theirs">'
                            f"<title>MiniRocket, {escape(record['name'])}: {theirs[1]:.3f} in {theirs[0]:.2f} s</title></rect>")
        elements.append(f'<circle cx="{x(ours[0]):.1f}" cy="{y(ours[1]):.1f}" r="5" class="ours">'
                        f"<title>DejaVid, {escape(record['name'])}: {ours[1]:.3f} in {ours[0]:.2f} s</title></circle>")
        labels.append((y(ours[1]), record["name"], ours))
    # Names in a column of their own, apart from each other, as marks may lie close.
    at = 0.0
    for wanted, name, ours in sorted(labels):
        at = max(wanted, at + 17)
        elements += [line(x(ours[0]) + 7, wanted, left + width + 8, at, "faint"), text(left + width + 12, at + 4, f"{name} {ours[1]:.3f}", "small")]
    elements += [f'<circle cx="{left + 6}" cy="{top + height + 42}" r="5" class="ours"/>', text(left + 18, top + height + 46, "DejaVid, configs/series.toml unchanged"),
                 f'<rect x="{left + 332}" y="{top + height + 37}" width="9" height="9" class="theirs"/>', text(left + 350, top + height + 46, "MiniRocket")]
    return picture(680, top + height + 60, "Accuracy against training time of DejaVid and MiniRocket", elements)


def terminal(scratch):
    """The last lines of a training run, as a terminal shows them."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", one).replace(str(scratch), "runs") for one in (scratch / "terminal").read_text().splitlines()]
    lines = [re.sub(r"\d+\.\d+ s|\d+ samples/s", "…", one) for one in lines]  # what differs from run to run
    shown = ["$ dejavid_dist train --config series --data.store clips.h5 --run.dir runs/run", *lines[:6], "…", *lines[-8:]]
    height = 34 + 17 * len(shown)
    elements = [f'<rect width="900" height="{height}" rx="8" fill="#0d1117"/>']
    for x, fill in ((18, "#ff5f56"), (36, "#ffbd2e"), (54, "#27c93f")):
        elements.append(f'<circle cx="{x}" cy="15" r="5" fill="{fill}"/>')
    for n, words in enumerate(shown):
        elements.append(f'<text x="14" y="{44 + 17 * n}" style="font: 12.5px ui-monospace, monospace; fill: #c9d1d9" xml:space="preserve">{escape(words[:118])}</text>')
    return picture(900, height, "A training run in a terminal", elements)


def main():
    scratch, output = map(pathlib.Path, sys.argv[1:])
    for name, drawn in (("story", story(scratch)), ("accuracy", accuracy()), ("terminal", terminal(scratch))):
        (output / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
