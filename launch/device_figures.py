"""What launch/device_check.sh reckons: Python of any kind, nothing installed.

    python3 device_figures.py OUTPUT                     the figures of every JSON, of ncu.csv and of clocks.csv in that folder as text
    python3 device_figures.py --quickest SECONDS JSON    a filter for GoogleTest: the tests that took the least time, SECONDS together
    python3 device_figures.py --compare-losses ONE OTHER JSON   whether two runs' metrics.jsonl have the same losses; exit code 1 if not
    python3 device_figures.py --compare-features ONE OTHER ALLOWED   how far two stores' features are apart, of the largest; needs h5py
"""

import csv
import json
import pathlib
import statistics
import sys
import time

K400_TRAINING_SAMPLES = 240436
ALLOWED_DIFFERENCE = 1e-4
# Of ncu's raw page, and what is printed of it.
COUNTERS = {
    "gpu__time_duration.sum": "time",
    "smsp__issue_active.avg.pct_of_peak_sustained_active": "issue slots busy %",
    "sm__warps_active.avg.pct_of_peak_sustained_active": "warps of most %",
    "launch__registers_per_thread": "registers",
    "l1tex__data_bank_conflicts_pipe_lsu.sum": "shared bank conflicts",
    "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed": "memory %",
    "smsp__inst_executed.sum": "instructions",
    "smsp__cycles_active.avg": "clocks",
}


def lines_of_records(name, records):
    for record in records:
        line = f"{name:26} {record['name']:36} {record['seconds'] * 1e3:10.3f} ms  {record['gelem_per_s']:9.1f} Gel/s"
        if "share_of_roof" in record:
            line += f"  {record['share_of_roof']:6.3f} of the roof {record['roof_gelem_per_s']:.0f}"
        line += f"  spread {record['spread']:.3f}"
        if rate := record.get("samples_per_s"):
            line += f"  {rate:.0f} samples/s"
            if record.get("shape", {}).get("C") == 400:
                line += f" (epoch of K400: {K400_TRAINING_SAMPLES / rate:.2f} s)"
        yield line
        if "phases" in record:
            phases = ", ".join(f"{phase} {seconds:.3f}" for phase, seconds in record["phases"].items())
            yield f"{'':26} {phases} s; GPU memory {record.get('device_peak_bytes', 0) >> 20} MiB at most"


def lines_of_document(path):
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        return [f"{path.name}: not JSON ({error})"]
    if not isinstance(document, dict):
        return []
    if "records" in document:
        return lines_of_records(path.stem, document["records"])
    if "largest_relative_difference" in document:
        return [f"{path.stem:26} {document['steps']} steps; losses differ by at most {document['largest_relative_difference']:.1e}"]
    if "eval_samples" in document:
        return [f"{path.stem:26} {document['eval_samples']} samples in {document['wall_s']} s, start of the program included"]
    return []


def lines_of_counters(path):
    """Of each kernel, its longest launch."""
    text = path.read_text()
    rows = list(csv.reader(text[max(text.find('"ID"'), 0):].splitlines()))
    if len(rows) < 3:
        return [f"{path.name}: empty"]
    header, units, launches = rows[0], rows[1], rows[2:]
    launches = [dict(zip(header, launch)) for launch in launches if len(launch) == len(header)]
    unit_of = dict(zip(header, units))

    def duration(launch):
        scale = {"nsecond": 1e-9, "ns": 1e-9, "usecond": 1e-6, "us": 1e-6, "msecond": 1e-3, "ms": 1e-3}
        return float(launch["gpu__time_duration.sum"].replace(",", "")) * scale.get(unit_of["gpu__time_duration.sum"], 1)

    longest = {}
    for launch in launches:
        name = launch["Kernel Name"].split("(")[0]
        if name not in longest or duration(launch) > duration(longest[name]):
            longest[name] = launch
    return [f"ncu {name}: " + ", ".join(f"{what} {launch[counter]}" + (f" {unit_of[counter]}" if counter.startswith("gpu__time") else "")
                                        for counter, what in COUNTERS.items() if launch.get(counter)) for name, launch in longest.items()]


def lines_of_clocks(path, records):
    """Clocks and power of each part while the GPU was at work. `nvidia-smi` gives local times."""
    samples = []
    for line in path.read_text().splitlines():
        fields = line.split(", ")
        try:
            moment = time.mktime(time.strptime(fields[0].split(".")[0], "%Y/%m/%d %H:%M:%S"))
            clock, memory, power, temperature, utilization = map(float, fields[1:6])
        except ValueError:
            continue
        if utilization > 0:
            samples.append((moment, clock, memory, power, temperature, " ".join(fields[6:])))
    for record in records:
        first, last = record["unix_times"]
        busy = [sample[1:] for sample in samples if first <= sample[0] < max(last, first + 1)]
        if busy:
            clocks = [one[0] for one in busy]
            reasons = " ".join(sorted({one[4] for one in busy}))
            yield (f"clocks of {record['part']:24} SM {min(clocks):.0f}..{max(clocks):.0f} MHz, median {statistics.median(clocks):.0f}; memory "
                   f"{statistics.median(one[1] for one in busy):.0f} MHz; at most {max(one[2] for one in busy):.0f} W, "
                   f"{max(one[3] for one in busy):.0f} C; reasons {reasons}")


def figures(folder):
    summary = folder / "summary.json"
    records = json.loads(summary.read_text()) if summary.exists() else []
    lines = []
    for path in sorted(folder.glob("*.json")):
        lines += lines_of_document(path)
    if (folder / "ncu.csv").exists():
        lines += lines_of_counters(folder / "ncu.csv")
    if (folder / "clocks.csv").exists():
        lines += lines_of_clocks(folder / "clocks.csv", records)
    return lines


def quickest(document, seconds):
    """The quickest tests that passed, until their times add up to `seconds`."""
    tests = [(float(test["time"].rstrip("s")), f"{suite['name']}.{test['name']}") for suite in document["testsuites"]
             for test in suite["testsuite"] if test.get("result") == "COMPLETED" and not test.get("failures")]
    chosen, spent = [], 0.0
    for test_seconds, name in sorted(tests):
        spent += test_seconds
        if spent > seconds and chosen:
            break
        chosen.append(name)
    return ":".join(chosen)


def compare_losses(one, other):
    """Of two metrics.jsonl: what to write, and whether the losses of every step are the same within rounding."""
    losses = [[record["loss"] for record in map(json.loads, path.read_text().splitlines()) if record["event"] == "step"] for path in (one, other)]
    most = max((abs(a - b) / abs(b) for a, b in zip(*losses)), default=0.0)
    passed = len(losses[0]) == len(losses[1]) > 0 and most <= ALLOWED_DIFFERENCE
    print(f"{len(losses[0])} and {len(losses[1])} steps; losses differ by at most {most:.1e} relative; allowed {ALLOWED_DIFFERENCE}: "
          f"{'ok' if passed else 'FAILED'}")
    return {"steps": len(losses[1]), "largest_relative_difference": most, "allowed": ALLOWED_DIFFERENCE, "losses": losses}, passed


def compare_features(one, other, allowed):
    """Whether two TSE stores' features differ by at most `allowed` of the largest."""
    import h5py
    import numpy

    with h5py.File(one) as first, h5py.File(other) as second:
        mine, theirs = (numpy.asarray(file["features"], numpy.float64) for file in (first, second))
    same_shape = mine.shape == theirs.shape and mine.size > 0
    most = float(numpy.abs(mine - theirs).max() / numpy.abs(theirs).max()) if same_shape else float("inf")
    print(f"{one.stem} and {other.stem}: features {mine.shape} and {theirs.shape} differ by at most {most:.1e} of the largest; allowed {allowed}")
    return most <= allowed


def main():
    if sys.argv[1] == "--quickest":
        print(quickest(json.loads(pathlib.Path(sys.argv[3]).read_text()), float(sys.argv[2])))
    elif sys.argv[1] == "--compare-losses":
        document, passed = compare_losses(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
        pathlib.Path(sys.argv[4]).write_text(json.dumps(document, indent=1) + "\n")
        sys.exit(not passed)
    elif sys.argv[1] == "--compare-features":
        sys.exit(not compare_features(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), float(sys.argv[4])))
    else:
        print("\n".join(figures(pathlib.Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
