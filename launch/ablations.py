#!/usr/bin/env python3
"""Runs the DejaVid paper's Tables 4.1 to 4.3 on a store; launch/ablations.sh calls it with the programs on the PATH.

Every row is a training by dejavid_dist for each seed, in FOLDER/ROW-SEED; rows that tables share are trained once. Runs of FOLDER that are finished stay,
those that were stopped go on. Settings such as --train.epochs 10 go to every run. Standard library alone.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys

import tables
from machine import machine_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
STOPPED = 75  # the program's exit code where it was asked to stop

# What a row sets, every key of it in every run, so that a configuration cannot change what a row is.
BASE = {"model.learn_weights": "true", "model.learn_centroids": "true", "model.diagonal": "false", "train.refresh": "epoch"}
LEARNED = {
    "full-one": ("full learning, weights start at one", {"model.weight_init": "one"}),
    "full-random": ("full learning, weights start at random", {"model.weight_init": "random"}),
    "frozen-weights-one": ("frozen weights, all one", {"model.weight_init": "one", "model.learn_weights": "false"}),
    "frozen-centroids-one": ("frozen centroids, weights start at one", {"model.weight_init": "one", "model.learn_centroids": "false"}),
    "frozen-centroids-random": ("frozen centroids, weights start at random", {"model.weight_init": "random", "model.learn_centroids": "false"})}
CHANGED = {"diagonal": ("diagonal steps", {"model.diagonal": "true"}),
           "refresh-batch": ("paths by the live parameters, no copy frozen for an epoch", {"train.refresh": "batch"}),
           "": ("neither", {})}

# Top-1 of the thesis: one run, the best epoch, chosen on the set that is reported.
PUBLISHED = {
    "encoder": {"HMDB51": 0.881, "Kinetics-400": 0.884, "SSv2": 0.767},
    "supersampling": {"HMDB51": 0.880, "Kinetics-400": 0.881, "SSv2": 0.762},
    "frozen-centroids-random": {"HMDB51": 0.884, "Kinetics-400": 0.886, "SSv2": 0.768},
    "frozen-centroids-one": {"HMDB51": 0.884, "Kinetics-400": 0.888, "SSv2": 0.769},
    "frozen-weights-one": {"HMDB51": 0.883, "Kinetics-400": 0.891, "SSv2": 0.771},
    "full-random": {"HMDB51": 0.886, "Kinetics-400": 0.889, "SSv2": 0.772},
    "full-one": {"HMDB51": 0.886, "Kinetics-400": 0.890, "SSv2": 0.770},
    "diagonal": {"HMDB51": 0.885, "Kinetics-400": 0.886, "SSv2": 0.770},
    "refresh-batch": {"HMDB51": 0.885, "Kinetics-400": 0.890, "SSv2": 0.771},
    "": {"HMDB51": 0.886, "Kinetics-400": 0.891, "SSv2": 0.772}}


def say(line):
    print(line, file=sys.stderr, flush=True)


def fail(line, code=2):
    say(f"ablations: error: {line}")
    sys.exit(code)


@dataclasses.dataclass
class Row:
    """A line of a table."""

    table: str
    key: str  # of PUBLISHED
    title: str
    run: str = None  # the training's name; None: no training of DejaVid
    settings: dict = None
    changes: str = ""  # Table 4.3: the row of Table 4.2 that this one is but for one setting


def rows_of(chosen, otherwise):
    """The lines of the chosen tables, in the paper's order."""
    def learned(table, key):
        title, changes = LEARNED[key]
        return Row(table, key, title, key, {**BASE, **changes})

    def changed(key):
        title, changes = CHANGED[key]
        before, start = LEARNED[otherwise]
        return Row("4.3", key, title, "-".join(filter(None, (otherwise, key))), {**BASE, **start, **changes}, before)

    found = []
    if "4.1" in chosen:
        found += [Row("4.1", "encoder", "the encoder by itself, on its own clips and crops"),
                  Row("4.1", "supersampling", "averaging over time, largest mean logit"),
                  Row("4.1", "class_means", "averaging over time, nearest class mean")]
        found += [learned("4.1", key) for key in ("frozen-weights-one", "full-random", "full-one")]
    if "4.2" in chosen:
        found += [learned("4.2", key) for key in ("frozen-centroids-random", "frozen-centroids-one", "frozen-weights-one", "full-random", "full-one")]
    if "4.3" in chosen:
        found += [changed(key) for key in CHANGED]
    return found


def options(settings):
    return [word for key, value in settings.items() for word in (f"--{key}", str(value))]


def error_of(text):
    """The line of a program's output that says what went wrong."""
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error: ")), lines[-1] if lines else "found no word of why")


def answer_of(*words):
    """What a program prints; where it fails, its line and exit code are ours."""
    asked = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if asked.returncode:
        fail(error_of(asked.stderr).removeprefix("error: "), asked.returncode)
    return asked.stdout


def values_of(text):
    """section.key -> value, as the program writes its configuration."""
    found, section = {}, ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " = " in line:
            key, _, value = line.partition(" = ")
            found[f"{section}.{key}"] = value
    return found


class Run:
    """One training: a row of the tables with a seed."""

    def __init__(self, row, seed, arguments):
        self.of, self.name, self.seed = row.run, f"{row.run}-{seed}", seed
        self.folder = arguments.runs / self.name
        self.asked = arguments.runs / f"{self.name}.toml"  # as the run's own config.toml, before settings that follow the data are settled
        self.own = {**row.settings, "train.seed": seed, "run.dir": self.folder}
        self.common = ["--config", arguments.config, "--data.store", *arguments.store, *arguments.settings]

    def command(self):
        return [str(word) for word in ("dejavid_dist", "train", *self.common, *options(self.own), "--run.resume", "auto", "--run.progress", "off")]

    def read(self, name):
        try:
            return json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return {}

    def finished(self):
        return self.read("summary.json").get("exit_reason") == "done"

    def state(self):
        return "finished" if self.finished() else "to go on" if self.begun() else "to make"

    def begun(self):
        return (self.folder / "config.toml").exists()

    def begin(self):
        if not self.begun():
            self.asked.write_text(self.expected)

    def check(self):
        """That what is there is what is asked for: a finished run is started no more, so that the program does not compare."""
        self.expected = answer_of(*self.command(), "--print-config")
        if not self.begun():
            return
        if not self.asked.exists():
            fail(f"{self.folder}: found a run, but not {self.asked.name} beside it; expected a run of this command; give another --runs")
        found = values_of(self.asked.read_text())
        for key, value in values_of(self.expected).items():
            if not key.startswith(("run.", "dist.")) and key not in ("data.cache", "data.prefetch") and found.get(key) != value:
                fail(f"{self.folder}: found a run with {key} = {found.get(key)}; expected {value}; give another --runs, or remove that run")
        for store in self.stores():
            if self.finished() and store.stat().st_mtime > (self.folder / "summary.json").stat().st_mtime:
                fail(f"{self.folder}: found a run older than {store}; expected one of this store; give another --runs, or remove that run")

    def stores(self):
        return [pathlib.Path(name) for name in json.loads(values_of((self.folder / "config.toml").read_text())["data.store"])]


class Launcher:
    """Runs commands one at a time, and asks the one under way to stop with a checkpoint where it is itself asked to."""

    def __init__(self):
        self.process, self.stopped = None, False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, self.stop)

    def stop(self, *_):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM if self.stopped else signal.SIGUSR2)
        self.stopped = True
        if self.process is None:
            sys.exit(STOPPED)

    def run(self, command):
        """Exit code and standard error."""
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
        error = self.process.communicate()[1]
        code, self.process = self.process.returncode, None
        return STOPPED if self.stopped else code, error


def train(runs, ranks):
    """Makes what is missing, one after another; the first exit code that was not 0."""
    launcher, worst = Launcher(), 0
    missing = [run for run in runs if not run.finished()]
    for count, run in enumerate(missing, 1):
        run.begin()
        code, error = launcher.run((["mpirun", "-np", str(ranks), "--bind-to", "none"] if ranks > 1 else []) + run.command())
        if code == STOPPED:
            fail("stopped; the same command goes on", STOPPED)
        if code:
            say(f"{count}/{len(missing)} {run.name}: exit code {code}: {error_of(error)}")
            worst = worst or code
            continue
        summary = run.read("summary.json")
        require_validation(run, summary)
        say(f"{count}/{len(missing)} {run.name}: top-1 {summary['last']['val_top1']:.3f}, {summary['wall_seconds']:.1f} s")
    return worst


def require_validation(run, summary):
    if "val_top1" not in summary.get("last", {}):
        fail(f"{run.folder}: found no validation; expected a store with val or test samples; see dejavid_convert info", 10)


def submit(runs, arguments):
    """An array of what is missing, and a job after it that makes the tables."""
    missing = [run for run in runs if not run.finished()]
    if re.search(r"\s", str(arguments.runs)):
        fail(f"--runs: found white space in {arguments.runs}; expected none with --slurm, which keeps a run's settings as words of a line")
    for run in missing:
        run.begin()
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    lines = arguments.runs / f"array-{stamp}.txt"  # one a submission: tasks of an earlier one may still wait
    lines.write_text("".join(" ".join(options(run.own)) + "\n" for run in missing))
    given = shlex.split(arguments.slurm)
    array = sbatch("--job-name=ablations", f"--output={arguments.runs}/%x-%A_%a.out", *given, f"--array=1-{len(missing)}",
                   ROOT / "launch" / "slurm" / "array.sbatch", "--settings", lines, *missing[0].common)
    report = shlex.join([str(ROOT / "launch" / "ablations.sh"), *arguments.words, "--report"])
    table = sbatch("--job-name=ablations-tables", *given, "--nodes=1", "--ntasks-per-node=1", f"--dependency=afterany:{array}", f"--chdir={os.getcwd()}",
                   f"--output={arguments.runs}/tables-%j.out", "--wrap", report)
    say(f"job {array}: an array of {len(missing)} runs; job {table} after it writes {arguments.runs}/tables-{table}.out")


def sbatch(*words):
    """The number of the new job."""
    asked = subprocess.run(["sbatch", "--parsable", *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT)
    if asked.returncode:
        fail(f"sbatch: {error_of(asked.stderr)}", asked.returncode)
    return asked.stdout.strip().splitlines()[-1].split(";")[0]


def evaluation_of(run, model):
    """What `dejavid_dist eval` says of a run's model, on paths of its own parameters; beside it averaging over time."""
    result = run.folder.parent / f"{run.name}-{model}.json"
    if not result.exists() or result.stat().st_mtime < (run.folder / "summary.json").stat().st_mtime:
        answer_of("dejavid_dist", "eval", "--config", run.folder / "config.toml", "--model.init", run.folder / f"{model}.h5", "--json", result)
    return json.loads(result.read_text())


def record_of(row, runs, averaging, name):
    """A line as launch/tables.py writes it: lists are by seed."""
    record = {"part": "ablations", "set": name, "table": row.table, "name": row.title, "run": row.run, "changes": row.changes,
              "published": PUBLISHED.get(row.key, {}), "note": "", "split": averaging["split"], "samples": averaging["samples"],
              "classes": len(averaging["per_class"])}
    if row.run is None:
        measured = averaging.get(f"{row.key}_top1")
        if measured is not None:
            record["top1"] = [measured]
        else:
            record["note"] = {"encoder": "needs the videos", "supersampling": "the store holds no logits",
                              "class_means": "not measured where the store holds logits"}[row.key]
        return record
    asked = [run for run in runs if run.of == row.run]
    done = [run for run in asked if run.finished()]
    record.update(settings=row.settings, seeds=[run.seed for run in done], note="" if done == asked else f"{len(done)} of {len(asked)} seeds")
    summaries = [run.read("summary.json") for run in done]
    for run, summary in zip(done, summaries):
        require_validation(run, summary)
    last, best = ([evaluation_of(run, model) for run in done] for model in ("model", "best"))
    record.update(top1=[one["top1"] for one in last], top5=[one["top5"] for one in last], best_top1=[one["top1"] for one in best],
                  best_epoch=[summary["best"]["epoch"] for summary in summaries], chosen_on=[summary["best"]["chosen_on"] for summary in summaries])
    record["wall_seconds"] = [round(summary["wall_seconds"], 2) for summary in summaries]
    record["revisions"] = [run.read("environment.json")["versions"]["git revision"] for run in done]
    return record


def document_of(rows, runs, arguments):
    done = [run for run in runs if run.finished()]
    if not done:
        fail(f"{arguments.runs}: found no finished run; expected one at least; the lines above, or the jobs' outputs, say why", 1)
    averaging = evaluation_of(done[0], "model")
    records = [record_of(row, runs, averaging, arguments.name or arguments.store[0].stem) for row in rows]
    environments = [run.read("environment.json") for run in done]
    newest = max(environments, key=lambda environment: environment["started_utc"])
    words = [shlex.quote(pathlib.PurePath(word).name if word.startswith("/") else word) for word in arguments.words if word != "--report"]
    machine = machine_of(newest, ["launch/ablations.sh", *words])
    machine["device"] = newest["device"]
    machine["versions"]["git revision"] = ", ".join(sorted({environment["versions"]["git revision"] for environment in environments}))
    settings = {key: json.loads(value) for key, value in values_of(done[0].asked.read_text()).items()
                if key not in done[0].own and key not in ("data.store", "model.init") and not key.startswith("run.")}
    return {"machine": machine, "store": [store.name for store in arguments.store], "config": arguments.config.name, "settings": settings, "records": records}


def parse():
    parser = argparse.ArgumentParser(prog="launch/ablations.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                                     usage="%(prog)s --store STORE.h5 --runs FOLDER [OPTION...] [SETTING...]")
    parser.add_argument("--store", nargs="+", type=pathlib.Path, required=True, help="TSE stores, read as one")
    parser.add_argument("--runs", type=pathlib.Path, required=True, help="folder of the runs")
    parser.add_argument("--config", type=pathlib.Path, default=ROOT / "configs" / "hmdb51.toml", help="the runs' configuration; default configs/hmdb51.toml")
    parser.add_argument("--tables", default="4.1,4.2,4.3", help="of the paper; default 4.1,4.2,4.3")
    parser.add_argument("--seeds", type=int, default=3, help="0, 1, ... of each row; default 3")
    parser.add_argument("--otherwise", choices=LEARNED, help="what Table 4.3 changes; default: full learning from the configuration's weights")
    parser.add_argument("--ranks", type=int, default=2, help="MPI ranks of a run; default 2")
    parser.add_argument("--name", help="of the set in the tables; default: the store's")
    parser.add_argument("--json", type=pathlib.Path, help="also write the numbers of every seed, settings, machine and revision")
    parser.add_argument("--slurm", metavar="OPTIONS", help="sbatch's options: run as one array (launch/slurm/array.sbatch), the tables as a job after it")
    parser.add_argument("--report", action="store_true", help="no training: the tables of what FOLDER has")
    parser.add_argument("--dry-run", action="store_true", help="list the runs and what FOLDER has of them")
    arguments, arguments.settings = parser.parse_known_args()
    chosen = arguments.tables.split(",")
    if unknown := set(chosen) - {"4.1", "4.2", "4.3"}:
        fail(f"--tables: found {', '.join(sorted(unknown))!r}; expected some of 4.1,4.2,4.3")
    for name in ("seeds", "ranks"):
        if getattr(arguments, name) < 1:
            fail(f"--{name}: found {getattr(arguments, name)}; expected 1 or more")
    for path in (*arguments.store, arguments.config):
        if not path.exists():
            fail(f"{path}: found no such file; expected a {'configuration' if path == arguments.config else 'store'}")
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        fail(f"--json: found no folder {arguments.json.parent}; expected one that is there")
    needed = {"dejavid_dist": "build it with launch/build.sh dev"}
    if not arguments.report and not arguments.dry_run:
        needed.update({"sbatch": "leave out --slurm"} if arguments.slurm is not None else {"mpirun": "give --ranks 1"} if arguments.ranks > 1 else {})
    for program, remedy in needed.items():
        if not shutil.which(program):
            fail(f"found no {program} on the PATH; {remedy}")
    arguments.words = sys.argv[1:]
    # Absolute, as jobs start elsewhere.
    arguments.store = [store.absolute() for store in arguments.store]
    arguments.config, arguments.runs = arguments.config.absolute(), arguments.runs.absolute()
    if arguments.otherwise is None:
        printed = answer_of("dejavid_dist", "train", "--config", arguments.config, "--print-config")
        arguments.otherwise = "full-" + json.loads(values_of(printed)["model.weight_init"])
    return arguments, chosen


def main():
    arguments, chosen = parse()
    rows = rows_of(chosen, arguments.otherwise)
    runs = list({f"{row.run}-{seed}": Run(row, seed, arguments) for seed in range(arguments.seeds) for row in rows if row.run}.values())
    for run in runs:
        run.check()
    if arguments.dry_run:
        for run in runs:
            print(f"{run.state():<9} {run.name}: {' '.join(options({key: value for key, value in run.own.items() if key != 'run.dir'}))}")
        return 0
    arguments.runs.mkdir(parents=True, exist_ok=True)
    code = 0
    if arguments.slurm is not None and not arguments.report and not all(run.finished() for run in runs):
        submit(runs, arguments)
        return 0
    if not arguments.report:
        code = train(runs, arguments.ranks)
    document = document_of(rows, runs, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=2) + "\n")
    print(tables.table("ablations", document).strip())
    return code


if __name__ == "__main__":
    sys.exit(main())
