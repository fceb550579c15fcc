"""What the classifiers that launch/accuracy.py compares with share: a TSE store is read, they are judged once a seed, numbers go to a JSON.

  launch/NAME.py STORE.h5 OUT.json --split N --seeds N --threads N [--held-out FILE.csv...]

Trained on are the labelled samples of split 0, judged those of the given split (1 val, 2 test). With --held-out, a file a seed whose column `id`
names samples of split 0, those are judged, and the rest is trained on. Needs h5py.
"""

import argparse
import csv
import json
import os
import pathlib

import h5py
import numpy as np


def parser_of_peer():
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--split", type=int, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--held-out", nargs="*", default=[])
    return parser


def judge_each_seed(arguments, judge, more):
    """`judge`: (samples [T,F], their labels, samples to judge, seed) -> (predictions, seconds of fitting, what else there is to tell).
    `more`: what is told of all seeds."""
    with h5py.File(arguments.store) as store:
        offsets, labels, split = store["offsets"][:], store["labels"][:], store["split"][:]
        samples = [store["features"][begin:end].astype(np.float64) for begin, end in zip(offsets, offsets[1:])]
        ids = [name.decode() for name in store["ids"][:]]
    known = labels >= 0
    found = {"top1": [], "seconds": []}
    for seed in range(arguments.seeds):
        train, judged = np.flatnonzero(known & (split == 0)), np.flatnonzero(known & (split == arguments.split))
        if arguments.held_out:
            with open(arguments.held_out[seed], newline="", encoding="utf-8") as file:
                held_out = {row["id"] for row in csv.DictReader(file)}
            judged = np.array([n for n in train if ids[n] in held_out])
            train = np.array([n for n in train if ids[n] not in held_out])
        predictions, seconds, told = judge([samples[n] for n in train], labels[train], [samples[n] for n in judged], seed)
        found["top1"].append(float(np.mean(predictions == labels[judged])))
        found["seconds"].append(round(seconds, 2))
        for name, value in told.items():
            found.setdefault(name, []).append(value)
    found["samples"] = len(judged)
    partial = arguments.out.with_suffix(".partial")
    partial.write_text(json.dumps({**found, **more(samples)}))
    os.replace(partial, arguments.out)
