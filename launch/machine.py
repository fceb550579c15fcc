"""The machine that a run was made on, as launch/tables.py wants it."""

import pathlib


def shortened(word):
    """Paths are only somebody's: the last part of each."""
    name = lambda part: pathlib.PurePath(part).name if part.startswith("/") else part
    return ",".join("=".join(map(name, piece.split("="))) for piece in word.split(","))


def machine_of(environment, command):
    """From a run's environment.json. `command`: the words that made the numbers."""
    rank = environment["ranks"][0]
    cores = min(rank["host_cores"], sum(one["affinity_cores"] for one in environment["ranks"]))  # ranks may share cores
    return {"processor": rank["processor"], "host_cores": rank["host_cores"], "affinity_cores": cores, "kernel_variant": rank["kernel_variant"],
            "finished_utc": environment["started_utc"], "versions": environment["versions"], "command_line": [shortened(str(word)) for word in command]}
