#!/usr/bin/env python3
"""What runs of `dejavid_bench scaling` say together: a Markdown table and a picture. Needs Python alone.

    scaling_report.py FOLDER        reads FOLDER/*.json, writes FOLDER/scaling.md and FOLDER/scaling.svg, prints the table

FOLDER may also hold what `dejavid_bench predict --json` wrote, which the picture then shows as the model. Exit code: 0, or 1 where two runs
of one mode end with another loss, which no number of ranks may change.
"""

import json
import math
import sys
from pathlib import Path

PHASES = ("read", "paths", "forward", "backward", "reduce", "update")
COLOURS = dict(zip(PHASES, ("#9aa0a6", "#1f6fb4", "#58a55c", "#e0a030", "#c5443b", "#7d5aa6")))
SAME_LOSS = 1e-6  # relative


def read(folder):
    """Records of scaling in order of mode and ranks, and of predictions."""
    measured, predicted = [], []
    for file in sorted(folder.glob("*.json")):
        for record in json.loads(file.read_text()).get("records", []):
            {"scaling": measured, "predict": predicted}.get(record["part"], []).append(record)
    modes = ("strong", "weak", "many")
    return sorted(measured, key=lambda r: (modes.index(r["mode"]), r["ranks"])), predicted


def number(value, text="{:.3g}"):
    return "–" if value is None else text.format(value)


def table(records):
    lines = [
        "| mode | ranks | hosts | threads | B | ms a step (spread) | samples/s | efficiency | of one host | slowest / mean rank, ms | "
        "exposed, ms | sum, MB at GB/s | max/mean | GiB a rank | first loss | last loss | |",
        "|" + "---|" * 17,
    ]
    for r in records:
        work = [1e3 * sum(seconds for name, seconds in r[which].items() if name != "reduce") for which in ("phases_slowest", "phases_mean")]
        exposed = r["exposed_communication"]
        cells = [
            r["mode"],
            r["ranks"],
            r["hosts"],
            r["threads"],
            r["batch"],
            f"{1e3 * r['step_seconds']['median']:.4g} ({100 * r['step_seconds']['spread']:.0f} %)",
            f"{r['samples_per_s']:.4g}",
            number(r["efficiency"], "{:.2f}"),
            number(r["efficiency_of_hosts"], "{:.2f}"),
            f"{work[0]:.3g} / {work[1]:.3g}",
            number(None if exposed is None else 1e3 * exposed),
            "–" if r["bus_gb_per_s"] is None else f"{r['reduced_bytes'] / 1e6:.3g} at {r['bus_gb_per_s']:.3g}",
            f"{r['balance']:.3f}",
            f"{r['peak_bytes'] / 2**30:.2f}",
            f"{r['first_loss']:.9g}",
            f"{r['last_loss']:.9g}",
            r["disturbed"] or "",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def different_losses(records):
    """The runs whose losses are not those of the first of their mode."""
    firsts, found = {}, []
    for r in records:
        first = firsts.setdefault(r["mode"], r)
        for name in ("first_loss", "last_loss"):
            if not math.isclose(r[name], first[name], rel_tol=SAME_LOSS):
                found.append(f"{r['mode']}: {name} is {first[name]} on {first['ranks']} ranks and {r[name]} on {r['ranks']}")
    return found


class Panel:
    """A diagram with a logarithmic x axis of ranks; y is logarithmic or from 0."""

    WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 300, 260, 52, 40, 30

    def __init__(self, at, title, unit, counts, least, most, logarithmic=False):
        self.at, self.counts, self.least, self.most, self.logarithmic = at, counts, least, most, logarithmic
        self.parts = [self.text(self.LEFT, 18, title, weight="bold"), self.text(self.LEFT, self.TOP + 4, unit, size=10)]
        right, foot = self.WIDTH - 12, self.HEIGHT - self.BOTTOM
        self.parts.append(f'<path d="M{self.LEFT},{self.TOP + 10}V{foot}H{right}" fill="none" stroke="#444"/>')
        for count in counts:
            self.parts.append(self.text(self.x(count), foot + 16, count, anchor="middle", size=10))
        self.parts.append(self.text((self.LEFT + right) / 2, foot + 32, "ranks", anchor="middle", size=10))
        for value in self.ticks():
            y = self.y(value)
            self.parts.append(f'<path d="M{self.LEFT},{y:.1f}H{right}" stroke="#ddd"/>')
            self.parts.append(self.text(self.LEFT - 5, y + 4, f"{value:.3g}", anchor="end", size=10))

    def ticks(self):
        if not self.logarithmic:
            return [self.most * k / 4 for k in range(5)]
        exponents = range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most)) + 1)
        return [v for e in exponents for m in (1, 2, 5) if self.least <= (v := m * 10.0**e) <= self.most]

    def x(self, count):
        low, high = math.log2(min(self.counts)), math.log2(max(self.counts))
        share = 0.5 if high == low else (math.log2(count) - low) / (high - low)
        return self.LEFT + 24 + share * (self.WIDTH - self.LEFT - 60)

    def y(self, value):
        if self.logarithmic:
            share = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            share = value / self.most
        return self.HEIGHT - self.BOTTOM - share * (self.HEIGHT - self.BOTTOM - self.TOP - 16)

    def text(self, x, y, text, anchor="start", size=12, weight="normal"):
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{text}</text>'

    def line(self, points, colour, dash="", marks=True):
        inside = [(self.x(n), self.y(v)) for n, v in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in inside)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"/>')
        if marks:
            self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in inside]

    def legend(self, entries):
        for k, (name, colour) in enumerate(entries):
            y = self.TOP + 20 + 14 * k
            x = self.WIDTH - 96
            self.parts.append(f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/>' + self.text(x + 13, y, name, size=10))

    def svg(self):
        return f'<g transform="translate({self.at},0)">' + "".join(self.parts) + "</g>"


def picture(records, predicted):
    """Time with the ideal and the model, efficiency, and phases of the slowest rank, of strong scaling (else of the first mode)."""
    mode = records[0]["mode"]
    runs = [r for r in records if r["mode"] == mode]
    counts = sorted({r["ranks"] for r in runs})
    times = {r["ranks"]: 1e3 * r["step_seconds"]["median"] for r in runs}
    first = counts[0]
    falls = mode == "strong"
    ideal = {n: times[first] * (first / n if falls else 1) for n in counts}
    model = {p.get("gpus") or p["ranks"]: 1e3 * p["step_seconds"] for p in predicted}
    model = {n: model[n] for n in counts if n in model and falls}
    every = [*times.values(), *ideal.values(), *model.values()]
    time = Panel(0, f"{mode}: time of a step", "ms", counts, min(every) / 1.3, max(every) * 1.3, logarithmic=True)
    time.line(ideal.items(), "#888", "4 3", marks=False)
    entries = [("measured", "#1f6fb4"), ("ideal", "#888")]
    if model:
        time.line(sorted(model.items()), "#c5443b", "2 2", marks=False)
        entries.append(("model", "#c5443b"))
    time.line(times.items(), "#1f6fb4")
    time.legend(entries)

    efficiency = Panel(Panel.WIDTH, "efficiency against one rank", "", counts, 0, 1.2)
    efficiency.line([(n, 1) for n in counts], "#888", "4 3", marks=False)
    known = [(r["ranks"], r["efficiency"]) for r in runs if r["efficiency"] is not None]
    if len(known) > 1:
        efficiency.line(known, "#1f6fb4")
    else:
        efficiency.parts.append(efficiency.text(70, 130, "none: see the table", size=11))

    stacked = Panel(2 * Panel.WIDTH, "phases of the slowest rank", "ms a step", counts, 0, 1.1e3 * max(sum(r["phases_slowest"].values()) for r in runs))
    for r in runs:
        foot = 0
        for name in PHASES:
            top = foot + 1e3 * r["phases_slowest"].get(name, 0)
            y, height = stacked.y(top), stacked.y(foot) - stacked.y(top)
            stacked.parts.append(
                f'<rect x="{stacked.x(r["ranks"]) - 12:.1f}" y="{y:.1f}" width="24" height="{height:.1f}" fill="{COLOURS[name]}"/>'
            )
            foot = top
    stacked.legend(list(COLOURS.items()))
    body = time.svg() + efficiency.svg() + stacked.svg()
    size = f'width="{3 * Panel.WIDTH}" height="{Panel.HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" fill="#222"><rect {size} fill="#fff"/>{body}</svg>\n'


def main(folder):
    folder = Path(folder)
    records, predicted = read(folder)
    if not records:
        sys.exit(f"{folder}: found no records of scaling; expected files of dejavid_bench scaling --json; measure first")
    text = table(records)
    (folder / "scaling.md").write_text(text)
    (folder / "scaling.svg").write_text(picture(records, predicted))
    print(text)
    wrong = different_losses(records)
    for line in wrong:
        print(f"losses differ: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
