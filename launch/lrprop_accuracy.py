#!/usr/bin/env python3
"""Trains lrprop_dist on stores with frame labels and writes what its embeddings score, beside baselines, for docs/results (launch/tables.py).

  .venv/bin/python launch/lrprop_accuracy.py OUT.json --runs FOLDER [--seeds 0,1,2] [--ranks 1] NAME=STORE.h5,CONFIG.toml...

A run that FOLDER has already is not made again. Baselines are the program's own of the time alone, the stored features, and these standardised
over the train split, from a copy of the store in FOLDER. The paper's own figures go along. Programs: build/cpu/bin.
"""

import argparse
import json
import os
import pathlib
import subprocess

from machine import machine_of

PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "build" / "cpu" / "bin"
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
               "OMPI_MCA_btl_vader_single_copy_mechanism": "none"}

# Tables 1 and 2 of arXiv:2302.04064, as fractions.
PUBLISHED = [
    {"part": "published", "name": "Pouring", "metrics": {
        "svm_rbf": {"0.1": 0.927, "1": 0.9436}, "progress": 0.9409, "ap": {"5": 0.9241, "10": 0.9033, "15": 0.9086}, "tau_b": 0.9946, "dtw_accuracy": 0.9022}},
    {"part": "published", "name": "PennAction", "metrics": {
        "svm_rbf": {"0.1": 0.919, "1": 0.9325}, "progress": 0.9303, "ap": {"5": 0.9246, "10": 0.922, "15": 0.9203}, "tau_b": 0.9909, "dtw_accuracy": 0.9015}}]
FRACTIONS = ("0.1", "1")
KS = ("5", "10", "15")


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, env=ENVIRONMENT)


def metrics_of(evaluation):
    """What tables show of an evaluation's JSON."""
    metrics = {name: {fraction: evaluation[name][fraction] for fraction in FRACTIONS} for name in ("svm_rbf", "logreg")}
    metrics["ap"] = {k: evaluation["ap"][k] for k in KS}
    metrics.update({name: evaluation[name] for name in ("progress", "tau_b", "tau_dropped", "dtw_accuracy")})
    return metrics


def standardised(store, copy):
    """Writes a copy of the store whose features have no mean over the train split's frames, and deviation 1."""
    import h5py  # of .venv
    import numpy

    with h5py.File(store) as source, h5py.File(copy, "w") as target:
        for name in source:
            if name != "digests":  # of the features as they were
                source.copy(name, target)
        offsets, split = source["offsets"][:], source["split"][:]
        features = source["features"][:].astype("f8")
        train = numpy.concatenate([features[offsets[n]:offsets[n + 1]] for n in numpy.flatnonzero(split == 0)])
        deviation = train.std(0)
        del target["features"]
        target["features"] = ((features - train.mean(0)) / numpy.where(deviation > 0, deviation, 1)).astype("f4")
        for name, value in source.attrs.items():
            if name not in ("index_digest", "complete"):
                target.attrs[name] = value
        target.attrs["complete"] = 1


def metrics_of_features(store, result, record):
    """Of a store's features as they are; `result` is the JSON that says so, made where it is not there."""
    if not result.exists():
        run(PROGRAMS / "lrprop_dist", "eval", "--embeddings", store, "--eval.stride", record["stride"], "--eval.dtw_stride", record["dtw_stride"], "--json", result)
    return metrics_of(json.loads(result.read_text()))


def record_of(name, source, arguments):
    store, config = source.split(",")
    record = {"part": "lrprop", "name": name, "config": config, "seeds": list(arguments.seeds), "model": [], "cosine": [], "wall_seconds": []}
    for seed in arguments.seeds:
        folder = arguments.runs / f"{name}-{seed}"
        if not (folder / "evaluation.json").exists():
            launcher = ["mpirun", "-np", arguments.ranks, "--bind-to", "none"] if arguments.ranks > 1 else []
            run(*launcher, PROGRAMS / "lrprop_dist", "train", "--config", config, "--data.store", store, "--train.seed", seed, "--run.dir", folder)
        evaluation, summary = json.loads((folder / "evaluation.json").read_text()), json.loads((folder / "summary.json").read_text())
        record["model"].append(metrics_of(evaluation))
        record["cosine"].append(summary["last"]["train_cosine"])
        record["wall_seconds"].append(round(summary["wall_seconds"], 1))
        record["baselines"] = {"time_only": metrics_of(evaluation["baselines"]["time_only"])}
        record.update(split=evaluation["split"], videos=evaluation["videos"], frames=evaluation["frames"], stride=evaluation["stride"],
                      dtw_stride=evaluation["dtw_stride"])
    copy = arguments.runs / f"{name}-standardised.h5"
    if not copy.exists():
        standardised(store, copy)
    for baseline, of in (("raw", store), ("standardised", copy)):
        record["baselines"][baseline] = metrics_of_features(of, arguments.runs / f"{name}-{baseline}.json", record)
    return record, json.loads((arguments.runs / f"{name}-{arguments.seeds[0]}" / "environment.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=lambda text: tuple(int(seed) for seed in text.split(",")), default=(0, 1, 2))
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("sets", nargs="+")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    records, environment = [], {}
    for one in arguments.sets:
        name, _, source = one.partition("=")
        record, environment = record_of(name, source, arguments)
        records.append(record)
    machine = machine_of(environment, ["launch/lrprop_accuracy.py", arguments.out.name, "--runs", "FOLDER",
                                       "--seeds", ",".join(map(str, arguments.seeds)), "--ranks", str(arguments.ranks), "SET..."])
    arguments.out.write_text(json.dumps({"machine": machine, "records": records + PUBLISHED}, indent=2) + "\n")


if __name__ == "__main__":
    main()
