"""Trains one configuration on several sets and seeds, and compares it with its peers; launch/accuracy.sh says how it is called.

What a set needs lies in FOLDER/NAME: asked.json, what its runs were made with; seed-N, a run; seed-N.json, what came of it; neighbours-N.json,
svm-N.json, svm_segments-N.json and minirocket-N.json, its peers.
"""

import argparse
import csv
import dataclasses
import datetime
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib

import rank_statistics as statistics
from machine import machine_of, shortened
from tables import OTHERS_RUN, rows

ROOT = pathlib.Path(__file__).resolve().parents[1]
HOLDOUT = "0.3333"
OURS, AVERAGING = "DejaVid", "averaging over time"
SPLITS = {"val": 1, "test": 2}  # as stores number them


@dataclasses.dataclass(frozen=True)
class Peer:
    """A classifier by a Python script of this folder."""

    script: str
    words: tuple
    needs: str  # what its Python imports
    told: str  # the same for the user
    by_seed: bool  # whether a seed changes it


PEERS = {"svm": Peer("averages.py", ("--segments", 1), "sklearn, h5py", "scikit-learn and h5py", False),
         "svm_segments": Peer("averages.py", ("--segments", 4), "sklearn, h5py", "scikit-learn and h5py", False),
         "minirocket": Peer("minirocket.py", (), "aeon, h5py", "aeon and h5py", True)}


class Failure(Exception):
    """One line for the user, and an exit code."""

    def __init__(self, line, code=2):
        super().__init__(line)
        self.code = code


def arguments_of(words):
    parser = argparse.ArgumentParser(prog="accuracy.sh", usage="launch/accuracy.sh --help says", add_help=False)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "configs" / "series.toml")
    parser.add_argument("--settings", type=shlex.split, default=[])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--validation", action="store_true")
    parser.add_argument("--published")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=["ROCKET", "HC2", "InceptionT", "ResNet"])
    parser.add_argument("--python", default=str(ROOT / ".venv" / "bin" / "python"))
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--add", action="store_true")
    parser.add_argument("sets", nargs="+", metavar="SET")
    arguments = parser.parse_args(words)
    if arguments.seeds < 1 or arguments.ranks < 1:
        raise Failure(f"--seeds, --ranks: found {arguments.seeds} and {arguments.ranks}; expected at least 1 of each")
    if arguments.add and (arguments.validation or not arguments.json):
        raise Failure("--add: found " + ("--validation" if arguments.validation else "no --json") + "; expected the --json OUT.json of an earlier "
                      "command without --validation")
    return arguments


def say(line):
    print(f"== {line}", file=sys.stderr, flush=True)


def run(words, log):
    """Runs a program, whose outputs go to the file `log`; throws Failure with the line that says why."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8") as file, subprocess.Popen([str(word) for word in words], stdout=file, stderr=subprocess.STDOUT) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)  # a run then writes a checkpoint
            process.wait()
            raise
    if code != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        told = next((line for line in lines if "error:" in line), lines[-1] if lines else "nothing said")  # before what mpirun adds
        raise Failure(f"{log}: found exit code {code} of {pathlib.Path(str(words[0])).name}; expected 0: {told}", code if code > 0 else 1)


def write_whole(path, content):
    """Appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(content, encoding="utf-8")
    os.replace(partial, path)


def program(name):
    found = shutil.which(name)
    if not found:
        raise Failure(f"{name}: found in neither PATH nor build; expected the programs; build them with launch/build.sh")
    return found


# --- sets and what was asked of them --------------------------------------------------------------------------------


def named_source(word):
    """NAME=SOURCE, or a store's file, whose name it gets."""
    name, given, source = word.partition("=")
    if not given:
        return pathlib.Path(word).stem, word
    if name in ("", ".", "..") or "/" in name:
        raise Failure(f"{word}: found the name '{name}'; expected one that a folder in --runs can have")
    return name, source


class DataSet:
    """A store and the split that it is judged on."""

    def __init__(self, word, arguments):
        self.name, source = named_source(word)
        self.folder = arguments.runs / self.name
        self.store = self.made_store(source.split(","))
        info = self.info()
        self.identity = info["identity"]
        self.judged = "test" if info["test_samples"] else "val"
        if arguments.validation and self.judged == "val":
            # The programs hold nothing out of a store that has a val split; what others are judged on must not be one.
            copy = self.folder / "val_as_test.h5"
            if not copy.exists():
                run([arguments.python, ROOT / "launch" / "val_as_test.py", self.store, copy], self.folder / "val_as_test.log")
            self.store, self.judged = copy, "test"
            info = self.info()
        self.held_out_by_store = info["val_samples"] > 0
        if not info[f"{self.judged}_samples"] or not info["train_samples"]:
            raise Failure(f"{self.store}: found no samples to train on, or none to judge; expected a train split and a test or val split", 10)

    def made_store(self, files):
        for file in files:
            if not pathlib.Path(file).is_file():
                raise Failure(f"{file}: found no such file; expected the store of {self.name}, or its TRAIN.ts,TEST.ts")
        # What a store is made of; a store says itself what it is.
        if len(files) > 2:
            raise Failure(f"{self.name}: found {len(files)} files; expected one store, or TRAIN.ts,TEST.ts")
        self.source = [[file, pathlib.Path(file).stat().st_size, pathlib.Path(file).stat().st_mtime_ns] for file in files] if len(files) > 1 else None
        if len(files) == 1:
            return pathlib.Path(files[0])
        store = self.folder / "set.h5"
        if not store.exists():
            run([program("dejavid_convert"), "ts", "--train", files[0], "--test", files[1], "--out", store], self.folder / "convert.log")
        return store

    def info(self):
        out = self.folder / "info.json"
        run([program("dejavid_convert"), "info", self.store, "--json", out], self.folder / "info.log")
        return json.loads(out.read_text())


def config_of(arguments):
    try:
        return tomllib.loads(arguments.config.read_text())
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"{arguments.config}: {error}") from error


def require_same_question(data, arguments):
    """Runs of other settings are never taken for those of this command."""
    asked = {"config": config_of(arguments), "settings": arguments.settings, "validation": arguments.validation,
             "source": data.source, "store": data.identity, "ranks": arguments.ranks}
    file = data.folder / "asked.json"
    if file.exists():
        before = json.loads(file.read_text())
        unlike = [f"{key} {before.get(key)}, now {value}" for key, value in asked.items() if before.get(key) != value]
        if unlike:
            raise Failure(f"{data.folder}: found runs that were made otherwise ({'; '.join(unlike)}); expected those of this command; "
                          "give another --runs, or delete that folder")
    write_whole(file, json.dumps(asked, indent=2))


# --- runs -----------------------------------------------------------------------------------------------------------


def evaluated_split(data, arguments):
    return "val" if arguments.validation else data.judged


def mpirun(arguments):
    return ["mpirun", "-np", arguments.ranks]


def data_words(arguments):
    """Those of the settings that say which samples count, for commands that do not train."""
    words, taken = [], False
    for word in arguments.settings:
        if word.startswith("--"):
            taken = word.startswith("--data.bad_samples")
        if taken:
            words.append(word)
    return words


def holdout_words(data, arguments, seed):
    """What makes a command hold out the samples of that seed."""
    words = ["--train.seed", seed]
    return words + ["--data.holdout", HOLDOUT] if arguments.validation and not data.held_out_by_store else words


def trained(data, arguments, seed):
    """What came of the run of that seed, made where it is not there."""
    folder, result = data.folder / f"seed-{seed}", data.folder / f"seed-{seed}.json"
    if result.exists():
        return json.loads(result.read_text())
    resumed = folder.exists()
    say(f"{data.name}, seed {seed}{': goes on' if resumed else ''}")
    run([*mpirun(arguments), program("dejavid_dist"), "train", "--config", arguments.config, *arguments.settings, "--data.store", data.store,
         *holdout_words(data, arguments, seed), "--run.dir", folder, "--run.resume", "auto", "--run.progress", "off"], data.folder / f"seed-{seed}.log")
    evaluation = data.folder / f"seed-{seed}.eval.json"
    run([program("dejavid_dist"), "eval", "--model.init", folder / "model.h5", "--data.store", data.store, "--eval.split",
         evaluated_split(data, arguments), *data_words(arguments), "--json", evaluation], data.folder / f"seed-{seed}.eval.log")
    numbers, summary = json.loads(evaluation.read_text()), json.loads((folder / "summary.json").read_text())
    environment = json.loads((folder / "environment.json").read_text())
    found = {"seed": seed, "top1": numbers["top1"], "best_top1": summary.get("best", {}).get("val_top1"), "samples": numbers["samples"], "split": numbers["split"],
             "classes": len(numbers["per_class"]), "averaging_top1": numbers.get("supersampling_top1", numbers.get("class_means_top1")),
             "train_top1": summary["last"]["train_top1"], "wall_seconds": None if resumed else round(summary["wall_seconds"], 2),
             "environment": environment}
    write_whole(result, json.dumps(found, indent=2))
    return found


def neighbours_of(data, arguments, runs):
    """One answer for all seeds, or one of each where they hold out other samples."""
    answers = []
    for seed in range(len(runs)) if arguments.validation else [0]:
        out = data.folder / f"neighbours-{seed}.json"
        if not out.exists():
            say(f"{data.name}, {OTHERS_RUN['neighbours']}")
            run([*mpirun(arguments), program("dejavid_dist"), "neighbours", "--data.store", data.store, *holdout_words(data, arguments, seed),
                 "--eval.split", evaluated_split(data, arguments), *data_words(arguments), "--run.progress", "off", "--json", out], data.folder / "neighbours.log")
        answers.append(json.loads(out.read_text()))
    return {"top1": [one["top1"] for one in answers], "seconds": [round(one["seconds"], 2) for one in answers], "cells": answers[0]["cells"]}


def held_out_files(data, arguments):
    """A file a seed that names the samples which its run held out."""
    files = []
    for seed in range(arguments.seeds):
        files.append(data.folder / f"seed-{seed}.held_out.csv")
        if not files[-1].exists():
            run([program("dejavid_dist"), "predict", "--model.init", data.folder / f"seed-{seed}" / "model.h5", "--data.store", data.store,
                 "--eval.split", "val", *data_words(arguments), "--out", files[-1]], data.folder / "held_out.log")
    return files


def peer_of(name, data, arguments):
    """What came of a peer: a number a seed, or one for all where neither it nor its samples depend on the seed."""
    peer, holds_out = PEERS[name], arguments.validation and not data.held_out_by_store
    seeds = arguments.seeds if peer.by_seed or holds_out else 1
    out = data.folder / f"{name}-{seeds}.json"
    if not out.exists():
        say(f"{data.name}, {OTHERS_RUN[name]}")
        words = [arguments.python, ROOT / "launch" / peer.script, data.store, out, *peer.words, "--split", SPLITS[evaluated_split(data, arguments)],
                 "--seeds", seeds, "--threads", arguments.ranks]
        if holds_out:
            words += ["--held-out", *held_out_files(data, arguments)]
        run(words, data.folder / f"{name}.log")
    return json.loads(out.read_text())


def why_not_run(python):
    """Peer -> why that Python cannot run it."""
    found = {}
    for name, peer in PEERS.items():
        try:
            tried = subprocess.run([python, "-c", f"import {peer.needs}"], capture_output=True, text=True, check=False)
        except OSError as error:
            found[name] = f"{python}: {error.strerror}"
            continue
        if tried.returncode != 0:
            found[name] = f"{python}: {(tried.stderr.strip().splitlines() or ['failed'])[-1]}; --python names one with {peer.told}"
    return found


def published_of(file, peers):
    """Set -> classifier -> accuracy."""
    found = {}
    if file:
        with open(file, encoding="utf-8") as lines:
            for row in csv.reader(line for line in lines if not line.startswith("#")):
                if len(row) > 2 and row[1] in peers:
                    found.setdefault(row[0], {})[row[1]] = float(row[2])
    return found


def record_of(data, arguments, published, not_run):
    runs = [trained(data, arguments, seed) for seed in range(arguments.seeds)]
    first = runs[0]
    return {"part": "accuracy", "name": data.name, "samples": first["samples"], "split": first["split"], "classes": first["classes"],
            **{key: [one[key] for one in runs] for key in ("top1", "best_top1", "train_top1", "wall_seconds")},
            "averaging_top1": statistics.mean(one["averaging_top1"] for one in runs),
            "neighbours": neighbours_of(data, arguments, runs),
            **{name: None if name in not_run else peer_of(name, data, arguments) for name in PEERS},
            "published": {} if arguments.validation else published.get(data.name, {}),
            "revisions": sorted({one["environment"]["versions"]["git revision"] for one in runs})}, first["environment"]


# --- tables ---------------------------------------------------------------------------------------------------------


def accuracies_of(records):
    """Classifier -> its accuracies, one a set, None where it has none; those that have none at all are left out."""
    peers = list(dict.fromkeys(peer for record in records for peer in record["published"]))
    found = {OURS: [statistics.mean(record["top1"]) for record in records], AVERAGING: [record["averaging_top1"] for record in records],
             **{name: [record.get(key) and statistics.mean(record[key]["top1"]) for record in records] for key, name in OTHERS_RUN.items()}}
    found.update({peer: [record["published"].get(peer) for record in records] for peer in peers})
    return {name: values for name, values in found.items() if any(value is not None for value in values)}


def comparison_of(records):
    accuracies = accuracies_of(records)
    sets = statistics.complete_sets(accuracies)
    ranks = statistics.average_ranks(accuracies, sets) if sets else {}
    return {"sets": [records[n]["name"] for n in sets], "critical_difference": statistics.critical_difference(len(accuracies), len(sets)),
            "classifiers": {name: {"mean_top1": statistics.mean(values[n] for n in sets), "average_rank": ranks.get(name),
                                   "wins_ties_losses_of_ours": statistics.wins_ties_losses(accuracies[OURS], values) if name != OURS else None}
                            for name, values in accuracies.items()}}


def rounded(value):
    return "" if value is None else f"{value + 1e-9:.3f}"  # 0.9325 is 0.933


def spread(values):
    low, high = rounded(min(values)), rounded(max(values))
    return rounded(statistics.mean(values)) + (f" ({low} to {high})" if low != high else "")


def seconds_of(values):
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.1f}" if known else "resumed"


def report(records, comparison, arguments, not_run):
    accuracies = accuracies_of(records)
    others = [name for name in accuracies if name != OURS]
    keys = {name: key for key, name in OTHERS_RUN.items()}
    others_of = lambda record, name, n: spread(record[keys[name]]["top1"]) if record.get(keys.get(name)) else rounded(accuracies[name][n])
    body = [[record["name"], str(record["samples"]), spread(record["top1"]),
             *(others_of(record, name, n) for name in others), seconds_of(record["wall_seconds"])]
            for n, record in enumerate(records)]
    means = ["mean", "", *(rounded(statistics.mean(accuracies[name])) for name in [OURS, *others]), ""]
    judged = ("the third of the training samples that each seed held out, or the val split of a store that also has a test split"
              if arguments.validation else "the given test split, or val where there is none")
    seeds = f"seeds 0 to {arguments.seeds - 1}: mean (lowest to highest)" if arguments.seeds > 1 else "seed 0"
    text = (f"Top-1 after the last epoch on {judged}; {seeds}.\n\n"
            + rows(["set", "samples", OURS, *others, "seconds to train"], [*body, means]))
    for name, why in not_run.items():
        text += f"\n{OTHERS_RUN[name]} was not run: {why}\n"
    revisions = sorted({revision for record in records for revision in record["revisions"]})
    if len(revisions) > 1:
        text += f"\nThese runs were made by several revisions: {', '.join(revisions)}.\n"
    if comparison["sets"]:
        difference = comparison["critical_difference"]
        told = f"there is no critical difference for {len(accuracies)} classifiers"
        if difference and difference >= len(accuracies) - 1:
            told = f"too few sets to tell classifiers apart: the critical difference of average ranks would be {difference:.2f} (Nemenyi, 0.05)"
        elif difference:
            told = f"average ranks less than {difference:.2f} apart are no difference (Nemenyi, 0.05)"
        sets = f"{len(comparison['sets'])} set{'' if len(comparison['sets']) == 1 else 's'}"
        text += (f"\nMeans and average ranks over the {sets} of which all have a number ({', '.join(comparison['sets'])}); {told}. "
                 "Wins, ties and losses are over all sets that both have:\n\n")
    else:
        text += "\nNo set has a number of every classifier: no average ranks.\n\n"
    shown = sorted(comparison["classifiers"].items(), key=lambda item: item[1]["average_rank"] or 0)
    return text + rows(["classifier", "mean top-1", "average rank", f"{OURS} wins, ties, losses"],
                           [[name, rounded(one["mean_top1"]), "" if one["average_rank"] is None else f"{one['average_rank']:.2f}",
                             " ".join(map(str, one["wins_ties_losses_of_ours"] or []))] for name, one in shown])


def write_result(arguments, document):
    comparison = comparison_of(document["records"])
    text = report(document["records"], comparison, arguments, document["not_run"])
    out = arguments.json or arguments.runs / "accuracy.json"
    write_whole(out, json.dumps({**document, "comparison": comparison}, indent=2) + "\n")
    write_whole(out.with_suffix(".md"), text)
    print(text, end="")


def add(words, arguments, not_run):
    """Runs, on the sets of an earlier OUT.json, the peers that it lacks; what it has stays."""
    document = json.loads(arguments.json.read_text())
    records = document["records"]
    lacking = [name for name in PEERS if any(record.get(name) is None for record in records)]
    for name in lacking:
        if name in not_run:
            raise Failure(f"{OTHERS_RUN[name]}: {not_run[name]}")
    sets = {data.name: data for data in (DataSet(word, arguments) for word in arguments.sets)}
    if list(sets) != [record["name"] for record in records]:
        raise Failure(f"SET: found {', '.join(sets)}; expected those of {arguments.json}: {', '.join(record['name'] for record in records)}")
    for record in records:
        data = sets[record["name"]]
        require_same_question(data, arguments)
        for name in lacking:
            found = peer_of(name, data, arguments)
            if (data.judged, found["samples"]) != (record["split"], record["samples"]):
                raise Failure(f"{data.store}: found {found['samples']} {data.judged} samples; expected {record['samples']} {record['split']} samples, "
                              f"as {arguments.json} has of {data.name}")
            record[name] = found
    if lacking:
        document.setdefault("added", []).append({"what": [OTHERS_RUN[name] for name in lacking], **machine_here(["launch/accuracy.sh", *words])})
    write_result(arguments, {**document, "not_run": {name: why for name, why in document.get("not_run", {}).items() if name not in lacking}})


def machine_here(command):
    """This machine, of numbers that no run of the programs has made."""
    models = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    try:
        revision = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:  # no git
        revision = ""
    return {"processor": models[0] if models else "", "host_cores": os.cpu_count(), "affinity_cores": len(os.sched_getaffinity(0)),
            "finished_utc": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "versions": {"git revision": revision or "unknown"}, "command_line": [shortened(str(word)) for word in command]}


def measure(words):
    arguments = arguments_of(words)
    names = [named_source(word)[0] for word in arguments.sets]
    if len(set(names)) < len(names):
        raise Failure(f"SET: found a name twice among {', '.join(names)}; expected another one of each")
    not_run = why_not_run(arguments.python)
    if arguments.add:
        add(words, arguments, not_run)
        return
    published, records, environment = published_of(arguments.published, arguments.peers), [], {}
    sets = [DataSet(word, arguments) for word in arguments.sets]
    for data in sets:
        require_same_question(data, arguments)
    for data in sets:
        record, environment = record_of(data, arguments, published, not_run)
        records.append(record)
    write_result(arguments, {"machine": machine_of(environment, ["launch/accuracy.sh", *words]), "validation": arguments.validation,
                             "config": config_of(arguments), "settings": arguments.settings, "not_run": not_run, "records": records})


def stop(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, stop)
    try:
        measure(sys.argv[1:])
    except Failure as failure:
        print(f"accuracy.sh: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except OSError as error:
        print(f"accuracy.sh: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except (ValueError, KeyError) as error:  # of a file that somebody else has written, or cut short
        print(f"accuracy.sh: found a file that cannot be read: {type(error).__name__}: {error}; expected runs, a configuration and published "
              "figures as they were written; delete what was changed", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("accuracy.sh: stopped; the same command goes on", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
