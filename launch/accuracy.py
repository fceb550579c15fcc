#!/usr/bin/env python3
"""Trains with configs/series.toml on small sets, seeds 0, 1, 2, two ranks, and writes what came out for docs/results (launch/tables.py).

  launch/accuracy.py OUT.json --runs FOLDER [--published FILE.csv] SET...

A SET is NAME=TRAIN.ts,TEST.ts or NAME=STORE.h5. Runs that FOLDER has already are not made again. The CSV has rows
dataset,classifier,accuracy,...: what others published on the same split. Programs: build/cpu/bin.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "build" / "cpu" / "bin"
SEEDS = (0, 1, 2)
CLASSIFIERS = ("1NN-DTW-D", "ROCKET", "HC2", "InceptionT", "ResNet")
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, env=ENVIRONMENT)


def machine_of(environment, command):
    """What a run's environment.json says of the machine, as launch/tables.py wants it."""
    rank = environment["ranks"][0]
    return {"processor": rank["processor"], "host_cores": rank["host_cores"], "affinity_cores": min(rank["host_cores"], sum(one["affinity_cores"] for one in environment["ranks"])),
            "kernel_variant": rank["kernel_variant"], "finished_utc": environment["started_utc"], "versions": environment["versions"],
            "command_line": command}


def record_of(name, source, runs, published):
    files = source.split(",")
    store = runs / f"{name}.h5" if len(files) == 2 else pathlib.Path(source)
    if not store.exists():
        run(PROGRAMS / "dejavid_convert", "ts", "--train", files[0], "--test", files[1], "--out", store)
    record = {"part": "accuracy", "name": name, "top1": [], "best_top1": [], "averaging_top1": None, "wall_seconds": [], "published": published.get(name, {})}
    for seed in SEEDS:
        folder, result = runs / f"{name}-{seed}", runs / f"{name}-{seed}.json"
        if not result.exists():
            run("mpirun", "-np", 2, PROGRAMS / "dejavid_dist", "train", "--config", ROOT / "configs" / "series.toml", "--data.store", store,
                "--train.seed", seed, "--run.dir", folder)
            run(PROGRAMS / "dejavid_dist", "eval", "--model.init", folder / "model.h5", "--data.store", store, "--json", result)
        evaluation, summary = json.loads(result.read_text()), json.loads((folder / "summary.json").read_text())
        record["top1"].append(evaluation["top1"])
        record["averaging_top1"] = evaluation["class_means_top1"]
        record["best_top1"].append(summary["best"]["val_top1"])
        record["wall_seconds"].append(round(summary["wall_seconds"], 2))
        record.update(samples=evaluation["samples"], split=evaluation["split"], classes=len(evaluation["per_class"]))
    return record, json.loads((runs / f"{name}-0" / "environment.json").read_text())


def published_of(file):
    found = {}
    if file:
        for row in csv.reader(line for line in open(file, encoding="utf-8") if not line.startswith("#")):
            if len(row) > 2 and row[1] in CLASSIFIERS:
                found.setdefault(row[0], {})[row[1]] = float(row[2])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--published")
    parser.add_argument("sets", nargs="+")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    published, records, environment = published_of(arguments.published), [], {}
    for one in arguments.sets:
        name, _, source = one.partition("=")
        record, environment = record_of(name, source, arguments.runs, published)
        records.append(record)
    machine = machine_of(environment, ["launch/accuracy.py", arguments.out.name, "--runs", "FOLDER", "SET..."])
    arguments.out.write_text(json.dumps({"machine": machine, "records": records}, indent=2) + "\n")


if __name__ == "__main__":
    main()
