"""Times the weighted L1 cost as PyTorch expressions, eager and compiled. Started by `dejavid_bench torch`.

FOLDER holds problem.json and, as raw f32, features [B,T,F], centroids and weights [rows,F], expected [B,T,rows].
Writes FOLDER/results.json. Exit codes besides 0: 3 no torch, 4 no compiler, 5 no GPU, 6 a wrong result; the last line
on stderr says what was found.
"""

import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path

NO_TORCH, NO_COMPILER, NO_GPU, WRONG_RESULT = 3, 4, 5, 6


def leave(code, line):
    print(line, file=sys.stderr)
    sys.exit(code)


def one_line(error):
    return " ".join(f"{type(error).__name__}: {error}".split())


def by_column(features, centroids, weights):
    """[B,T,rows], as one writes it first."""
    return ((features[:, :, None] - centroids).abs() * weights).sum(-1)


def by_row(features, centroids, weights):
    """The same, laid out as [B,rows,T]: a row of centroids meets all steps of a sample, which lie in a nearby cache."""
    cost = ((features[:, None] - centroids[:, None]).abs() * weights[:, None]).sum(-1)
    return cost.transpose(1, 2)


def read_tensor(torch, path, extents, device):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.float32).reshape(extents).to(device)


class Clock:
    """Seconds of a call on flushed caches, by the GPU's own events or the host's clock."""

    def __init__(self, torch, device, flush_bytes):
        self.torch, self.on_gpu = torch, device == "cuda"
        self.flush = torch.zeros(flush_bytes, dtype=torch.uint8, device=device)

    def seconds_of(self, work):
        self.flush.add_(1)
        if not self.on_gpu:
            start = time.perf_counter()
            work()
            return time.perf_counter() - start
        start, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        self.torch.cuda.synchronize()
        return start.elapsed_time(end) / 1e3

    def measure(self, work, repeats, least_seconds):
        """Median, and (max - min) / median, of `repeats` averages that took at least `least_seconds` each."""
        averages = []
        for _ in range(repeats):
            begin, calls = time.perf_counter(), []
            while not calls or time.perf_counter() - begin < least_seconds:
                calls.append(self.seconds_of(work))
            averages.append(sum(calls) / len(calls))
        median = statistics.median(averages)
        return median, (max(averages) - min(averages)) / median


def first_result(torch, name, work):
    """What the first call gives, which compiles where that is asked for."""
    try:
        return work()
    except torch.OutOfMemoryError:
        raise
    except Exception as error:
        if name.startswith("eager"):
            raise
        leave(NO_COMPILER, one_line(error)[:300])


def measure_all(torch, folder, problem):
    device, width = problem["device"], problem["F"]
    samples, length, rows = problem["B"], problem["T"], problem["rows"]
    features = read_tensor(torch, folder / "features", (samples, length, width), device)
    centroids, weights = (read_tensor(torch, folder / name, (rows, width), device) for name in ("centroids", "weights"))
    expected = read_tensor(torch, folder / "expected", (samples, length, rows), device)
    clock = Clock(torch, device, problem["flush_bytes"])

    def compiled(expression, mode="default"):
        return torch.compile(expression, mode=mode, dynamic=False, fullgraph=True)

    for name, function, count in (  # an eager expression holds B*T*rows*F numbers several times: one sample of it
        ("eager", by_column, 1),
        ("compiled", compiled(by_column), samples),
        ("compiled_by_row", compiled(by_row), samples),
        ("compiled_by_row_max_autotune", compiled(by_row, "max-autotune-no-cudagraphs"), samples),
    ):
        print(f"measuring {name}", flush=True)
        work = lambda: function(features[:count], centroids, weights)
        difference = (first_result(torch, name, work) / expected[:count] - 1).abs().max().item()
        if not difference <= problem["tolerance"]:
            leave(WRONG_RESULT, f"{name}: a relative difference of {difference:.1e}")
        seconds, spread = clock.measure(work, problem["repeats"], problem["seconds"])
        yield {"name": name, "samples": count, "seconds": seconds, "spread": spread}


def main(folder):
    problem = json.loads((folder / "problem.json").read_text())
    os.environ["TMPDIR"] = str(folder)  # what the compiler makes is neither found there nor left behind
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "compiled")
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # no workers that outlive their work
    try:
        import torch
    except Exception as error:  # a wheel without its companions fails in many ways
        leave(NO_TORCH, one_line(error)[:300])
    if problem["device"] == "cuda" and not torch.cuda.is_available():
        leave(NO_GPU, f"torch {torch.__version__} without a GPU that it can use")
    torch.set_num_threads(problem["threads"])
    inductor = importlib.import_module("torch._inductor.config")
    if hasattr(inductor, "cpp_cache_precompile_headers"):
        inductor.cpp_cache_precompile_headers = False  # so few kernels do not make up for the time that takes
    with torch.no_grad():
        results = list(measure_all(torch, folder, problem))
    (folder / "results.json").write_text(json.dumps({"version": torch.__version__, "results": results}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
