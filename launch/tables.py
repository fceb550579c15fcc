#!/usr/bin/env python3
"""Writes the tables of README.md and docs/results from the benchmark's JSON, so that no number of theirs is typed.

  launch/tables.py            brings the tables of every page up to date
  launch/tables.py --check    changes nothing; exit code 1 where a table is not what its JSON says

A page says where a table goes and what it is of; FILE is what `dejavid_bench PART --json FILE` wrote, of several (FILE,FILE) the records are read as one's:

  <!-- table: kernels data/FILE.json -->
  <!-- end of table -->

Kinds: kernels (G elements/s and share of the roof), train (seconds of an epoch by phase), naive and torch (times slower than our kernels), io (MB/s),
accuracy (top-1 by launch/accuracy.py), summary (the same, means alone), lrprop (what embeddings score, by launch/lrprop_accuracy.py), lrprop_ap
(the same, AP@K and the share of dropped pairs), ablations (the paper's Tables 4.1 to 4.3, by launch/ablations.sh).
"""

import json
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"
BLOCK = re.compile(r"(<!-- table: (\w+) (\S+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def number(value):
    """Three significant digits, no exponent."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.001 or value == 0 else f"{value:.2g}"


def rows(head, body):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in body]) + "\n"


def kernels(records):
    threads = sorted({record["threads"] for record in records})
    head = ["operation", "instruction set"]
    for count in threads:
        word = "thread" if count == 1 else "threads"
        head += [f"G elements/s, {count} {word}", "of the roof"]
    body = {}
    for record in records:
        operation, _, variant = record["name"].partition("/")
        cells = body.setdefault((variant, operation), {})
        share = "busy" if record.get("busy") else number(record.get("share_of_roof"))
        cells[record["threads"]] = [number(record["gelem_per_s"]), share]
    return rows(head, [[operation, variant] + [cell for count in threads for cell in cells.get(count, ["", ""])]
                       for (variant, operation), cells in body.items()])


def train(records):
    phases = []
    for record in records:
        phases += [phase for phase in record.get("phases", {}) if phase not in phases]
    body = []
    for record in records:
        share = "busy" if record.get("busy") else number(record.get("share_of_roof"))
        body.append([record["name"], str(record["ranks"]), str(record["threads"]), number(record["seconds"]),
                     number(record.get("samples_per_s"))] + [number(record.get("phases", {}).get(phase)) for phase in phases] + [share])
    return rows(["of", "ranks", "threads", "seconds", "samples/s", *phases, "of the roof"], body)


def slower(records):
    return rows(["what", "by", "seconds", "G elements/s", "times ours"],
                [[record["name"], record["variant"], number(record["seconds"]), number(record["gelem_per_s"]),
                  number(record.get("times_slower", 1))] for record in records])


def io(records):
    return rows(["what", "seconds", "MB/s", "of read() alone"],
                [[record["name"], number(record["seconds"]), number(record.get("mb_per_s")), number(record.get("share_of_raw"))]
                 for record in records])


def steps(records):
    phases = list(records[0]["phases"])
    return rows(["shape", "by", "threads", "seconds", *phases, "times ours", "processor time", "times ours"],
                [[record["shape"].get("name", ""), record["variant"], str(record["threads"]), number(record["seconds"]),
                  *(number(record["phases"][phase]) for phase in phases), number(record.get("times_slower", 1)),
                  number(record["cpu_seconds"]), number(record.get("times_slower_cpu", 1))] for record in records])


def alignment(records):
    variants = list(dict.fromkeys(record["variant"] for record in records))
    body = {}
    for record in records:
        key = (record["name"].partition("/")[0], record["shape"]["F"], record["shape"]["T"])
        body.setdefault(key, {})[record["variant"]] = record
    lines = []
    for (operation, width, length), of_variant in body.items():
        fastest = next(record for variant, record in of_variant.items() if variant != "reference")
        share = "busy" if fastest.get("busy") else number(fastest.get("share_of_roof"))
        lines.append([operation, str(width) if width > 1 else "", number(length), *(number(of_variant[variant]["ns_per_cell"]) for variant in variants),
                      number(fastest["times_reference"]), f"{fastest['times_reference_spread']:.0%}", share])
    return rows(["operation", "width", "n = m", *variants, f"reference / {variants[1]}", "spread", "of the roof"], lines)


# By launch/accuracy.sh beside the model.
OTHERS_RUN = {"svm": "SVM on the average", "svm_segments": "SVM on 4 segment averages", "neighbours": "1NN-DTW", "minirocket": "MiniRocket"}
IN_DETAIL = ("svm_segments",)  # not in the summary


def accuracy(records):
    others = []
    for record in records:
        others += [name for name in record["published"] if name not in others]
    ours = {peer: name for peer, name in OTHERS_RUN.items() if any(record.get(peer) for record in records)}
    return rows(["set", "classes", "test samples", f"DejaVid, {len(records[0]['top1'])} seeds", "best epoch", "averaging over time", *ours.values(), *others],
                [[record["name"], str(record["classes"]), str(record["samples"]), mean_and_range(record["top1"]),
                  f"{max(record['best_top1']):.3f}", mean_and_range([record["averaging_top1"]])] +
                 [mean_and_range((record.get(peer) or {}).get("top1", [])) for peer in ours] +
                 [mean_and_range([record["published"].get(name)]) for name in others] for record in records])


def summary(records):
    """Means of the seeds, beside averaging, what else was run on the same features, and the best that others published."""
    published = {peer for record in records for peer in record["published"]}
    columns = {"DejaVid": lambda record: record["top1"], "averaging over time": lambda record: [record["averaging_top1"]]}
    for peer, name in OTHERS_RUN.items():
        if peer not in IN_DETAIL and any(record.get(peer) for record in records):
            columns[name] = lambda record, peer=peer: (record.get(peer) or {}).get("top1", [])
    means, body = [], []
    for record in records:
        values = ([value for value in take(record) if value is not None] for take in columns.values())
        means.append([statistics.mean(values) if values else None for values in values])
        best = max(record["published"].items(), key=lambda item: item[1], default=None)
        body.append([record["name"], *(mean_and_range([mean]) for mean in means[-1]), f"{best[1]:.3f} ({best[0]})" if best else ""])
    body.append(["mean", *("" if None in column else mean_and_range([statistics.mean(column)]) for column in zip(*means)), ""])
    return rows(["set", *columns, f"best of {len(published)} published"], body)


def scored(records):
    """Rows of an embedding's metrics, the seeds' of a trained one: (set, embedding, a list of metrics)."""
    for record in records:
        if record["part"] == "published":
            yield record["name"], "LRProp in the paper", [record["metrics"]]
            continue
        seeds = len(record["model"])
        yield record["name"], f"LRProp, {seeds} seed{'' if seeds == 1 else 's'}", record["model"]
        for baseline, name in (("raw", "features as stored"), ("standardised", "features, standardised"), ("time_only", "time only")):
            yield record["name"], name, [record["baselines"][baseline]]


def mean_and_range(values):
    """0.853 (0.842 to 0.864); of one value that value, of none nothing."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    mean, low, high = (f"{number + 1e-9:.3f}" for number in (sum(values) / len(values), min(values), max(values)))  # 0.9325 is 0.933
    return mean if len(values) == 1 else f"{mean} ({low} to {high})"


def metric_table(records, columns):
    """`columns`: heading -> the number of an embedding's metrics, None where there is none."""
    return rows(["set", "embedding", *columns],
                [[name, embedding] + [mean_and_range([take(one) for one in metrics]) for take in columns.values()]
                 for name, embedding, metrics in scored(records)])


def lrprop(records):
    return metric_table(records, {"SVM 10 %": lambda one: one["svm_rbf"]["0.1"], "SVM 100 %": lambda one: one["svm_rbf"]["1"],
                                  "logistic 100 %": lambda one: one.get("logreg", {}).get("1"), "progress": lambda one: one["progress"],
                                  "AP@5": lambda one: one["ap"]["5"], "tau-b": lambda one: one["tau_b"], "DTW accuracy": lambda one: one["dtw_accuracy"]})


def lrprop_ap(records):
    return metric_table(records, {"AP@5": lambda one: one["ap"]["5"], "AP@10": lambda one: one["ap"]["10"], "AP@15": lambda one: one["ap"]["15"],
                                  "dropped pairs": lambda one: one.get("tau_dropped")})


ABLATIONS = {"4.1": "DejaVid beside averaging over time", "4.2": "what is learned", "4.3": "diagonal steps, and paths by live parameters"}


def ablation(table, records):
    """One of the paper's tables: its rows, measured sets beside published ones."""
    measured = dict.fromkeys(record["set"] for record in records)
    published = dict.fromkeys(name for record in records for name in record["published"])
    body = {}
    for record in records:
        last = ", ".join(filter(None, (mean_and_range(record.get("top1", [])), record["note"])))
        row = body.setdefault(record["name"], {})
        row[record["set"]] = [last, mean_and_range(record.get("best_top1", []))]
        row.update({name: [f"{top1:.3f}"] for name, top1 in record["published"].items()})
    head = [column for name in measured for column in (f"{name}, last epoch", "best epoch")] + [f"published, {name}" for name in published]
    return f"Table {table}, {ABLATIONS[table]}:\n\n" + rows(["setting", *head], [
        [name, *(cell for one in measured for cell in row.get(one, ["", ""])), *(cell for one in published for cell in row.get(one, [""]))]
        for name, row in body.items()])


def ablations(records):
    """Those of the paper's tables that were run, and what their numbers are."""
    text = [ablation(table, [record for record in records if record["table"] == table]) for table in dict.fromkeys(record["table"] for record in records)]
    sets = {record["set"]: record for record in records}
    seeds = sorted({seed for record in records for seed in record.get("seeds", [])})
    elsewhere = sorted({f"{record['set']} by its {split} split" for record in records for split in record.get("chosen_on", []) if split != record["split"]})
    text.append("Measured: top-1, mean (lowest to highest) of the seeds " + ", ".join(map(str, seeds)) + ", on " +
                "; ".join(f"{name}: {one['samples']} {one['split']} samples of {one['classes']} classes" for name, one in sets.items()) +
                ".\nThe best epoch was chosen on those same samples" + (f", of {', '.join(elsewhere)}" if elsewhere else "") + ".\n"
                "A configuration's own model.diagonal and train.refresh are switched off but where Table 4.3 has them.\n"
                "Published: the paper's top-1 on its own sets, one run each, the best epoch, chosen on the set that is reported.\n")
    if changed := {record["set"]: record["changes"] for record in records if record.get("changes")}:
        text[-1] += ("What Table 4.3 changes: " + "; ".join(f"{name}: {what}" for name, what in changed.items()) +
                     "; in the paper the best of Table 4.2 on each set.\n")
    return "\n".join(text)


KINDS = {"ablations": ablations, "lrprop": lrprop, "lrprop_ap": lrprop_ap, "accuracy": accuracy, "summary": summary, "kernels": kernels, "train": train, "naive": slower, "torch": slower, "io": io, "steps": steps,
         "alignment": alignment}


def command(words):
    """The command line as one types it: the program's name, no path that is only somebody's."""
    return " ".join(pathlib.PurePath(word).name if word.startswith("/") else word for word in words)


def caption(machine):
    variant = f", {machine['kernel_variant']}" if "kernel_variant" in machine else ""  # none where other programs made the numbers
    return (f"{machine['processor']}, {machine['affinity_cores']} of {machine['host_cores']} cores{variant}; "
            f"{machine['finished_utc'][:10]}; revision {machine['versions']['git revision']}; `{command(machine['command_line'])}`\n")


def captions(document):
    """Of the table, and of the columns that were added to it later."""
    return caption(document["machine"]) + "".join(f"\n{', '.join(added['what'])}: {caption(added)}" for added in document.get("added", []))


def table(kind, *documents):
    records = [record for document in documents for record in document["records"]]
    return "\n" + KINDS[kind](records) + "\n" + "".join(captions(document) for document in documents) + "\n"


def page(text, folder):
    """The page with each of its tables written anew."""
    return BLOCK.sub(lambda block: block[1] + table(block[2], *(json.loads((folder / file).read_text()) for file in block[3].split(","))) + block[5], text)


def pages():
    return [ROOT / "README.md", *sorted(RESULTS.rglob("*.md"))]


def main():
    check, stale = sys.argv[1:] == ["--check"], []
    if sys.argv[1:] and not check:
        sys.exit(f"tables.py: unknown argument '{sys.argv[1]}'; expected --check or nothing")
    for file in pages():
        text = file.read_text()
        fresh = page(text, file.parent)
        if fresh != text:
            stale.append(file)
            if not check:
                file.write_text(fresh)
    if check and stale:
        sys.exit("tables.py: not what their JSON says: " + ", ".join(str(file.relative_to(ROOT)) for file in stale) + "; run launch/tables.py")


if __name__ == "__main__":
    main()
