"""Reads the machine code of the CUDA kernels and says what they issue, and what that keeps busy for how long.

An SM of sm_90 issues four instructions a clock, one for each of its four schedulers, and its fp32 pipes take as many. A kernel that does
nothing but FADD and FFMA needs at least the fp32 issue floor; every other instruction takes a slot from them. PIPES below is what is
known of the other pipes, and where from.

Three things are counted of a kernel:

The hot loop. Every backward branch closes a loop, from its target to itself. The hot loop is the shortest that has at least 0.8 of the
kernel's useful arithmetic (Kernel.work); where none has as many, the one with the most. Where its work has several innermost loops
(Work.several), those within it, added up. Where a kernel is known to do a fixed number of element updates per turn of the loop around it
(Kernel.updates_of_outer_turn), that loop is counted too: its own instructions once, those of the inner one as often as the updates need.
All instructions between a loop's ends count, on both sides of a branch within.

A whole run. Where a kernel's row has a Run, every instruction that a warp issues for a unit of work of it, prologue, tails and copies
included; executions.py says how. Two numbers, the fewest and the most that the known facts allow.

Register banks. A register lies in bank number % 2, and a scheduler reads one register a clock from each bank: an instruction takes as many
clocks as the fuller bank has of its different registers, at least one. An operand marked `.reuse` stays, for its place among the operands
and its bank, until another that is marked takes that place or the register is written; an instruction that finds its operand there reads
it from no bank. The model is one that plain loops measured on an H200 on 2026-11-26 led to. It says nothing of loads, stores and tensor
instructions, which count one clock. The sum of these clocks is a limit beside issue and pipes, never below issue; as it lets no instruction
make use of a bank that its neighbour leaves alone, it is an estimate from above.

Tensor cores. mma.sync does not overlap with the ALU's instructions that make its operands (measured likewise: 14.4 clocks for four HMNMX2
and an HMMA), so that where a kernel has both, the clocks of the two add up to one limit.

    python audit.py LIBRARY [--architecture sm_90] [--cuobjdump PROGRAM] [--json FILE]      prints Markdown tables
"""

import argparse
import collections
import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import executions
from executions import Fact

SOURCE = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Work:
    """Which instructions are useful, and how many element updates a thread's instruction is."""

    arithmetic: tuple  # prefixes of instructions' names
    updates: dict  # prefix: element updates
    several: bool = False  # more than one innermost loop


F32 = Work(("FADD", "FFMA"), {"FFMA": 1})
F16 = Work(("HADD2", "HMUL2", "HFMA2"), {"HADD2": 1, "HMUL2": 1, "HFMA2": 1}, several=True)  # two of them are two elements
# Along paths, the loops over pairs of cells: of f32, |c - m| is a subtraction and another instruction, and the sign two more or, with the
# sign's bit, integer ones.
ALONG = Work(("FADD", "FFMA"), {"FFMA": 1}, several=True)
ALONG_WITH_SIGNS = (Work(("FADD", "FFMA"), {"FFMA.SAT": 1}, several=True), Work(("FADD", "FFMA"), {"FADD": 0.5}, several=True))
HALF_WITH_SIGNS = Work(("HADD2", "HMUL2", "HFMA2"), {"HADD2": 0.5, "HMUL2": 0.5, "HFMA2": 0.5}, several=True)  # four are two elements
BYTES = Work(("VABSDIFF4", "IDP"), {"VABSDIFF4": 4})
TENSOR = Work(("HMNMX2", "HADD2", "HMUL2", "HFMA2", "HMMA"), {"HMNMX2": 2, "HFMA2.RELU": 2, "HFMA2.MMA.RELU": 2})


@dataclasses.dataclass(frozen=True)
class Run:
    """What a warp does in one run, for counting all that it issues."""

    facts: tuple
    units: float  # of work in that run, which counts are given for
    unit: str  # what one is
    floor: float  # instructions that the path search in f32 needs at least for the elements behind a unit


# What the machine code does not tell: how a kernel is started, by the part of its name before the parameters.
@dataclasses.dataclass(frozen=True)
class Kernel:
    threads: int  # a block
    dynamic_shared: int = 0  # bytes a block
    work: Work = F32
    updates_of_outer_turn: int | None = None  # element updates a thread, in one turn of the loop around the hot one
    run: Run | None = None


def constant(file, pattern):
    """A number that the source has the compiler check."""
    found = re.findall(pattern, (SOURCE / "kernels" / "cuda" / file).read_text())
    if len(found) != 1:
        raise ValueError(f"found {pattern!r} {len(found)} times in {file}; expected a static_assert that says the number once")
    return int(found[0])


STAGE = 16  # features in shared memory at a time, kFeatureStage of kernels/cost.hpp
HALF_STAGE = 32  # kHalfFeatureStage
WALK = {feature: constant("along_path_walk.cuh", rf"static_assert\(kSharedBytes<4, {feature}> == (\d+)") for feature in ("float", "__half")}
CENTROIDS = 8 * 256 * 16  # bytes: 16 of each thread for eight centroid steps
REALS = ("float", "double")
TIE_SIGNS = ("(alignment::kernels::TieSign)0", "(alignment::kernels::TieSign)1")  # kZero, kMinusOne

# A batch of Kinetics-400 on an H200: K = 8, T = 33, B = 384. A warp of the kernels along paths has a class and a slice of features and goes
# along the paths to some samples, 40 cells each in rows of 4, 5, 5 and 6: a row's first cell, one more where their number is even, then
# pairs. As many samples as samples_per_block() and gradient_parts() of along_path_walk.cuh give a block on 132 multiprocessors.
STEPS, LENGTH, FEATURES = 8, 33, 1808
DISTANCE_SAMPLES, GRADIENT_SAMPLES = 55, 384

# What a warp does for a sample. Of the 33 columns it copies and lands a share: one of every eight in f32, where the first warp alone goes on
# to a second group of four; two of every sixteen in f16, where the last of three is the first warp's. An instruction under a predicate
# takes its slot all the same.
COPIES = {"float": (Fact(r"copies\.copy\((next|now)", "LDGSTS", 4 + 3 / 8),),
          "__half": (Fact(r"copies\.copy\((next|now)", "LDGSTS", 3), Fact(r"const int4 bits =", "LDS", 2 + 1 / 8))}
DISTANCE = (Fact(r"visitor\.finish\(\)", "SHFL", 5),)
GRADIENT = (Fact(r"swapped\(centroid\[i \* kThreads\]\)", "LDS", STEPS), Fact(r"visitor\.read_next\(\)", "LDG", 1))


def along_paths(samples, slice_width, subtraction, *facts):
    """A warp of the kernels that walk along paths. 32 samples are looked up together; a tile holds a sample.

    `subtraction`: how the instruction of c - m begins. `facts`: those of the kernel alone, a sample.
    """
    chunks = -(-samples // 32)
    common = (Fact(r"nobody reads this chunk's columns", "BAR", chunks / samples, turns=chunks),
              Fact(r"the tile is there", "BAR", 1, turns=samples / chunks),
              Fact(r"columns\[thread / kWarps\] =", "STS", chunks / samples, once=True),
              Fact(r"next = first_tile\(", "LDS", 1, once=True),
              Fact(r"^if \(reads_\) breakpoint_", "LDG", 1),
              Fact(r"^row\.first\(m\)", subtraction, STEPS, once=True),
              Fact(r"^column \+= 2 \* kColumn", "", 14, turns=14 / STEPS, once=True),  # a pair, whatever instruction that is
              Fact(r"m = read\(\);$", "", STEPS + 4, once=True),  # the first of a row, perhaps under a predicate; the odd ones
              Fact(r"tiles\[k\] = 0\.0F", "STS", 0))  # the last slice alone
    of_run = tuple(dataclasses.replace(fact, times=fact.times * samples) for fact in common + facts)
    slices = -(-FEATURES // slice_width)  # the last one is partly padding
    return Run(of_run, samples, "sample", 2 * STEPS * LENGTH * FEATURES / slices / 32)


KERNELS = {
    "cost_kernel<1>": Kernel(64, 2 * STAGE * 3 * 64 * 4, updates_of_outer_turn=STAGE * 64),
    "cost_kernel<2>": Kernel(128, 2 * STAGE * 4 * 64 * 4, updates_of_outer_turn=STAGE * 64),
    "quantized_cost_kernel<1>": Kernel(64, 2 * STAGE * 3 * 64 * 4, BYTES, updates_of_outer_turn=4 * STAGE * 64),
    "quantized_cost_kernel<2>": Kernel(128, 2 * STAGE * 4 * 64 * 4, BYTES, updates_of_outer_turn=4 * STAGE * 64),
    "half_cost_kernel<1>": Kernel(128, 2 * HALF_STAGE * 3 * 64 * 2, TENSOR, updates_of_outer_turn=HALF_STAGE * 32),
    "half_cost_kernel<2>": Kernel(128, 2 * HALF_STAGE * 4 * 64 * 2, TENSOR, updates_of_outer_turn=HALF_STAGE * 64),
    **{f"distance_kernel<{feature}>": Kernel(256, WALK[feature], ALONG, run=along_paths(
        DISTANCE_SAMPLES, 128, "FADD", *DISTANCE, *COPIES[feature])) for feature in WALK},
    **{f"gradient_kernel<{sign}, {feature}>": Kernel(256, WALK[feature] + CENTROIDS, work, run=along_paths(
        GRADIENT_SAMPLES, 128, "FADD", *GRADIENT, *COPIES[feature])) for sign, work in zip(TIE_SIGNS, ALONG_WITH_SIGNS) for feature in WALK},
    # Whole runs of these two are not counted: their slices of two widths, and tiles with and without all rows, share source lines.
    "half_distance_kernel": Kernel(512, constant("half_along_path.cu", r"static_assert\(sizeof\(DistanceMemory\) == (\d+)"), F16),
    "half_gradient_kernel": Kernel(512, constant("half_along_path.cu", r"static_assert\(sizeof\(GradientMemory\) == (\d+)"), HALF_WITH_SIGNS),
    "routes_kernel": Kernel(128),
    **{f"pack_columns_kernel<{feature}>": Kernel(128) for feature in WALK},
    **{f"pack_half_samples_kernel<{feature}>": Kernel(256) for feature in WALK},
    "pack_half_parameters_kernel": Kernel(256),
    **{f"quantize_samples_kernel<{feature}>": Kernel(256) for feature in WALK},
    "quantize_parameters_kernel": Kernel(256),
    **{f"pack_samples_kernel<{feature}>": Kernel(256) for feature in WALK},
    "pack_parameters_kernel": Kernel(256),
    **{f"warp_kernel<{rows}, {diagonal}>": Kernel(64) for rows in (8, 16, 32) for diagonal in ("false", "true")},
    **{f"slope_intercept_kernel<{feature}>": Kernel(128) for feature in WALK},
    **{f"barycenter_kernel<{feature}>": Kernel(128) for feature in WALK},
    **{f"place_with_slopes_kernel<{feature}>": Kernel(256) for feature in WALK},
    **{f"sample_losses_kernel<{logarithms}>": Kernel(128) for logarithms in ("true", "false")},
    # Of two sequences; rolling rows of shared memory for 240 frames.
    **{f"soft_dtw_kernel<{real}>": Kernel(256, 7 * (240 + 2) * 8) for real in REALS},
    **{f"dtw_paths_kernel<{real}>": Kernel(256, 3 * (240 + 2) * 8) for real in REALS},
    **{f"pairwise_distances_kernel<{real}>": Kernel(256) for real in REALS},
    **{f"pairwise_gradient_kernel<{real}>": Kernel(128) for real in REALS},
    "update_kernel": Kernel(256),
    "dropout_mask_kernel": Kernel(256),
}


@dataclasses.dataclass(frozen=True)
class Pipe:
    """`clocks` that a warp's instruction keeps a scheduler's share of the pipe busy for."""

    clocks: float
    kinds: tuple  # beginnings of instructions' names
    evidence: str


# sm_90. "measured": on an H200, 2026-11-26, loops of one instruction. "documented": the CUDA programming guide's table of throughputs, or a
# statement of NVIDIA's about GH100's pipes (https://forums.developer.nvidia.com/t/separate-cuda-core-pipeline-for-fp16-and-fp32/302018/7);
# "assumed": from memory. An instruction counts in every pipe that names it.
MEASURED = "measured on an H200, 2026-11-26"
PIPES = {
    # IMAD and IDP go through one half of the fp32 lanes, FP32 through both.
    "fma": Pipe(1, ("FADD", "FFMA", "FMUL", "FFMA32I", "IMAD", "IDP"), f"{MEASURED}: 1.03 with two fresh registers; documented: 128 lanes"),
    "fma heavy": Pipe(2, ("IMAD", "IDP"), f"{MEASURED}: 1.75 to 2 for IDP.4A; documented: 64 lanes, of the fp32 ones"),
    "alu": Pipe(2, ("IADD3", "VIADD", "VIADDMNMX", "LEA", "LOP3", "LOP", "SHF", "SHL", "SHR", "ISETP", "FSETP", "HSETP2", "HSET2", "FSET", "FMNMX",
                    "HMNMX2", "IMNMX", "VIMNMX", "VABSDIFF", "SEL", "FSEL", "PRMT", "MOV", "IABS", "PLOP3", "P2R", "R2P", "BMSK", "SGXT", "I2FP",
                    "F2FP", "CS2R", "VOTE", "FCHK"), f"{MEASURED} for FMNMX, VABSDIFF4, LOP3, HMNMX2 and HSET2; assumed for the others"),
    "half": Pipe(1, ("HADD2", "HMUL2", "HFMA2"), f"{MEASURED}: 1.03 to 1.05, the two f16 pipes taken in turn, which is what ptxas does (.MMA)"),
    "tensor": Pipe(6.7, ("HMMA", "IMMA"), f"{MEASURED}: HMMA.16816.F32 and IMMA.16832"),
    "lsu": Pipe(4, ("LDS", "STS", "LDSM", "LDG", "STG", "LD", "ST", "RED", "ATOM", "LDL", "STL", "SHFL"),
                "documented for shuffles: 32 lanes for the four schedulers; assumed for the others, whose width is not counted"),
    "fp64": Pipe(2, ("DADD", "DMUL", "DFMA", "DSETP"), "documented: 64 lanes"),
    "xu": Pipe(8, ("MUFU", "I2F", "F2I", "F2F", "FRND", "POPC", "FLO", "BREV"), "documented: 16 lanes"),
    "uniform": Pipe(2, ("U", "R2UR", "S2UR"), "assumed"),
}
TENSOR_AND_ALU = "tensor and alu"  # one after the other, see the top of this file


@functools.cache
def begins_with(opcode, prefixes):
    """Whether the name is one of them up to a dot; a last digit may follow (VABSDIFF is VABSDIFF4 too)."""
    return any(opcode == prefix or opcode.startswith((prefix + ".", prefix + "4")) for prefix in prefixes)


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    text: str
    stall: int = 1  # clocks until the same warp may issue again
    lines: tuple = ()  # text of the source line, then of those that it was inlined at

    @functools.cached_property
    def opcode(self):
        words = self.text.split()
        return words[1 if words[0].startswith("@") else 0]

    @functools.cached_property
    def kind(self):
        return self.opcode.split(".")[0]

    @property
    def never(self):
        return self.text.startswith("@!PT")  # takes its slot and does nothing

    @property
    def moves_a_constant(self):
        return self.opcode.startswith("HFMA2.MMA") and "-RZ, RZ" in self.text  # how ptxas does it

    @property
    def branch_target(self):
        found = re.search(r"\bBRA(?:\.\S+)?\s+(?:.*,\s*)?`?\(?(0x[0-9a-f]+)", self.text)
        return int(found.group(1), 16) if found else None

    def begins_with(self, prefixes):
        return begins_with(self.opcode, prefixes)


@dataclasses.dataclass
class Code:
    name: str  # demangled, without namespaces and parameters
    instructions: list
    registers: int = 0
    stack: int = 0
    static_shared: int = 0
    local: int = 0
    most_threads: int | None = None  # a block, as __launch_bounds__ says


CLASSES = {
    "FADD": ["FADD"],
    "FFMA": ["FFMA"],
    "f16": ["HADD2", "HMUL2", "HFMA2", "HMNMX2"],
    "tensor": ["HMMA", "IMMA"],
    "bytes": ["VABSDIFF4", "IDP"],
    "other fp": ["FMUL", "FMNMX", "FSEL", "FSET", "FSETP", "FCHK", "MUFU", "FRND", "F2F", "F2I", "I2F", "I2FP", "F2FP", "HSETP2",
                 "HSET2", "DADD", "DMUL", "DFMA", "DSETP"],
    "LDS": ["LDS", "STS", "LDSM"],
    "async copy": ["LDGSTS", "UBLKCP"],
    "global": ["LDG", "STG", "LD", "ST", "RED", "ATOM", "ATOMG", "ATOMS", "LDC"],
    "local": ["LDL", "STL"],
    "integer": ["IADD3", "IMAD", "LEA", "LOP3", "SHF", "SHL", "SHR", "ISETP", "MOV", "MOV32I", "SEL", "PRMT", "IMNMX", "VIMNMX", "IABS", "POPC",
                "FLO", "BREV", "PLOP3", "CS2R", "S2R", "S2UR", "R2UR", "P2R", "R2P", "SHFL", "VOTE", "VOTEU", "LOP", "IADD", "ISCADD",
                "BMSK", "SGXT", "VABSDIFF", "VIADD", "VIADDMNMX", "NOP", "REDUX", "MATCH", "ELECT"],
    "control": ["BRA", "BRX", "EXIT", "BAR", "BSSY", "BSYNC", "BREAK", "WARPSYNC", "DEPBAR", "LDGDEPBAR", "YIELD", "CALL", "RET",
                "ENDCOLLECTIVE", "NANOSLEEP", "MEMBAR", "ERRBAR", "CCTL", "KILL", "SYNCS", "FENCE", "ARRIVES"],
}
CLASS_OF = {kind: name for name, kinds in CLASSES.items() for kind in kinds}


def class_of(instruction):
    kind = instruction.kind
    if instruction.moves_a_constant:
        return "integer"
    if instruction.opcode == "HADD2.F32":
        return "other fp"  # from f16 to f32
    if kind in CLASS_OF:
        return CLASS_OF[kind]
    return "integer" if kind.startswith("U") else "other"  # U: the uniform registers' unit


def count(instructions):
    counts = collections.Counter({name: 0 for name in [*CLASSES, "other"]})
    counts.update(class_of(instruction) for instruction in instructions)
    return counts


def arithmetic(instructions, work=F32):
    return sum(i.begins_with(work.arithmetic) and not i.moves_a_constant and i.opcode != "HADD2.F32" for i in instructions)


def updates_in(instructions, work=F32):
    """Element updates of a thread."""
    return sum(each for i in instructions for prefix, each in work.updates.items() if i.begins_with((prefix,)) and arithmetic([i], work))


def pipes_of(instruction):
    if instruction.kind in ("NOP", "BRA", "EXIT", "BAR", "BSSY", "BSYNC", "DEPBAR", "LDGDEPBAR", "WARPSYNC", "LDGSTS", "LDC", "S2R", "R2UR"):
        return ["lsu"] if instruction.kind in ("LDGSTS",) else []
    if instruction.kind.startswith("U") and instruction.kind[1:2].isupper():
        return ["uniform"]
    return [name for name, pipe in PIPES.items() if instruction.begins_with(pipe.kinds)]


def busy(instructions, times=None, again=False):
    """Clocks that each limit keeps a scheduler for: "issue" a clock an instruction, "register banks", every pipe, and what does not overlap.

    `times`: how often each is executed, by address; else once. `again`: the instructions are a loop's body, see bank_clocks().
    """
    clocks = collections.Counter()
    for i, banks in zip(instructions, bank_clocks(instructions, again)):
        each = 1.0 if times is None else times.get(i.address, 0.0)
        clocks["issue"] += each
        clocks["register banks"] += each * banks
        for name in pipes_of(i):
            clocks[name] += each * PIPES[name].clocks
    if clocks["tensor"]:
        clocks[TENSOR_AND_ALU] = clocks["tensor"] + clocks["alu"]
    return {name: number for name, number in clocks.items() if number}


def limit_of(clocks):
    """The name that keeps a scheduler longest; issue where nothing takes longer than it."""
    return max(clocks, key=lambda name: (clocks[name], name == "issue"))


def sources(instruction):
    """{place: (register, whether it is marked .reuse)} of the general registers that it reads one at a time."""
    words = instruction.text.split(None, 2 if instruction.text.startswith("@") else 1)
    operands = [word.strip() for word in words[-1].split(",")]
    registers = {}
    for place, operand in enumerate(operands[1:]):
        if found := re.fullmatch(r"[-~|!]*R(\d+)(\.reuse)?[\w.]*\|?(\.reuse)?", operand):
            registers[place] = (int(found.group(1)), bool(found.group(2) or found.group(3)))
    return registers


def written(instruction):
    """General registers that it writes."""
    words = instruction.text.split(None, 2 if instruction.text.startswith("@") else 1)
    found = re.match(r"R(\d+)(?:,|$)", words[-1]) if len(words) > 1 else None
    if not found or instruction.kind in ("STS", "STG", "ST", "STL", "RED", "BRA"):
        return ()
    width = re.search(r"\.(64|96|128)\b", instruction.opcode) if "lsu" in pipes_of(instruction) else None
    count = int(width.group(1)) // 32 if width else 4 if instruction.kind in ("HMMA", "IMMA") else 1
    if instruction.kind == "LDSM":
        count = int(instruction.opcode[-1]) if instruction.opcode[-2:] in (".2", ".4") else 1
    elif ".WIDE" in instruction.opcode or instruction.kind in ("DADD", "DMUL", "DFMA", "CS2R"):
        count = 2
    return range(int(found.group(1)), int(found.group(1)) + count)


def bank_clocks(instructions, again=False):
    """Clocks that the banks of registers keep each instruction for, by the rule at the top of this file.

    `again`: the instructions are a loop's body; what its end keeps, its beginning finds.
    """
    kept, clocks = {}, []
    for _ in range(2 if again else 1):
        clocks = []
        for i in instructions:
            read = sources(i) if pipes_of(i) and not {"lsu", "tensor"} & set(pipes_of(i)) else {}
            fresh = {number for place, (number, _) in read.items() if kept.get((place, number % 2)) != number}
            banks = collections.Counter(number % 2 for number in fresh)
            clocks.append(max(1, *banks.values()) if banks else 1)
            kept |= {(place, number % 2): number for place, (number, keeps) in read.items() if keeps}
            overwritten = set(written(i))
            kept = {place: number for place, number in kept.items() if number not in overwritten}
    return clocks


def loops(instructions):
    """Bodies, shortest first. A branch to itself, with which ptxas ends every function, is none."""
    bodies = {}
    for instruction in instructions:
        target = instruction.branch_target
        if target is not None and target < instruction.address:
            span = (target, instruction.address)
            bodies[span] = [i for i in instructions if span[0] <= i.address <= span[1]]
    return sorted(bodies.values(), key=len)


def hot_loop(instructions, work=F32):
    """The rule at the top of this file; None where no loop has arithmetic."""
    def useful(body):
        return arithmetic(body, work)

    candidates = [body for body in loops(instructions) if useful(body)]
    if not candidates:
        return None
    enough = 0.8 * useful(instructions)
    return next((body for body in candidates if useful(body) >= enough), max(candidates, key=useful))


def hot_loops(instructions, work=F32):
    """The hot loop, or the innermost ones within it; empty where there is none."""
    hot = hot_loop(instructions, work)
    if hot is None or not work.several:
        return [hot] if hot else []
    within = [body for body in loops(instructions) if arithmetic(body, work) and encloses(hot, body)]
    return sorted((body for body in within if not any(encloses(body, other) for other in within if other is not body)),
                  key=lambda body: body[0].address)


def encloses(outer, inner):
    return outer[0].address <= inner[0].address and inner[-1].address <= outer[-1].address


def loop_around(instructions, inner):
    """The shortest loop around all of `inner`, itself none of them."""
    first, last = inner[0].address, inner[-1].address
    return next((body for body in loops(instructions)
                 if len(body) > len(inner) and body[0].address <= first and body[-1].address >= last), None)


def shared_bytes(instructions):
    """Bytes that one thread asks of shared memory."""
    total = 0
    for instruction in instructions:
        if class_of(instruction) == "LDS" and not instruction.never:
            if instruction.kind == "LDSM":  # .4: as many matrices, 4 bytes a thread of each
                total += 4 * int(instruction.opcode[-1]) if instruction.opcode[-2:] in (".2", ".4") else 4
                continue
            width = re.search(r"\.(64|128|[SU]?16|[SU]?8)\b", instruction.opcode)
            total += int(re.sub(r"\D", "", width.group(1))) // 8 if width else 4
    return total


def occupancy(registers, threads, shared):
    """Blocks an SM of sm_90 holds: 65536 registers given to warps by 256, 228 KiB of shared memory, 64 warps, 32 blocks."""
    warps = -(-threads // 32)
    registers_of_warp = -(-max(registers, 1) * 32 // 256) * 256
    warps_by_registers = 16384 // registers_of_warp * 4  # each of the four schedulers has a quarter
    return min(32, 64 // warps, warps_by_registers // warps, 228 * 1024 // max(shared, 1))


def audit(code, kernel=None):
    """One row of the table as a dictionary."""
    row = {"kernel": code.name, "registers": code.registers, "stack": code.stack, "local": code.local, "static_shared": code.static_shared,
           "most_threads": code.most_threads,
           "other_instructions": sorted({i.kind for i in code.instructions if class_of(i) == "other"}),
           "local_instructions": sum(class_of(i) == "local" for i in code.instructions), "instructions": len(code.instructions)}
    if kernel:
        shared = code.static_shared + kernel.dynamic_shared
        blocks = occupancy(code.registers, kernel.threads, shared)
        row |= {"threads": kernel.threads, "shared": shared, "blocks_of_sm": blocks, "warps_of_sm": blocks * -(-kernel.threads // 32)}
    if kernel and kernel.run:
        row["run"] = run_of(code, kernel.run)
    work = kernel.work if kernel else F32
    hot_bodies = hot_loops(code.instructions, work)
    if not hot_bodies:
        return row
    hot = [instruction for body in hot_bodies for instruction in body]
    updates = updates_in(hot, work)
    hot_busy = collections.Counter()
    for body in hot_bodies:
        hot_busy.update(busy(body, again=True))
    hot_busy = dict(hot_busy)
    row |= {"hot_loop": " ".join(f"{body[0].address:#x}..{body[-1].address:#x}" for body in hot_bodies), "issued": len(hot),
            "counts": dict(count(hot)), "arithmetic_share": arithmetic(hot, work) / len(hot), "busy": hot_busy,
            "limit": limit_of(hot_busy), "bank_clocks_of_instruction": hot_busy["register banks"] / len(hot),
            "clocks_of_one_warp": sum(i.stall for i in hot) / len(hot),
            "shared_bytes_of_update": shared_bytes(hot) / updates if updates else None}
    outer = loop_around(code.instructions, hot) if kernel and kernel.updates_of_outer_turn else None
    if outer:
        turns = kernel.updates_of_outer_turn / updates
        within = {i.address for i in hot}
        times = {i.address: turns if i.address in within else 1.0 for i in outer}
        issued = sum(times.values())
        useful = arithmetic(outer, work) + (turns - 1) * arithmetic(hot, work)
        around = busy(outer, times, again=True)
        row |= {"turns": turns, "outer_loop": f"{outer[0].address:#x}..{outer[-1].address:#x}", "share_with_outer_loop": useful / issued,
                "issued_of_update": issued / kernel.updates_of_outer_turn,
                "busy_of_update": {name: clocks / kernel.updates_of_outer_turn for name, clocks in around.items()}}
    elif kernel and updates and work is not F32:
        row |= {"issued_of_update": len(hot) / updates, "busy_of_update": {name: clocks / updates for name, clocks in hot_busy.items()}}
    return row


def run_of(code, run):
    """What a warp issues for a unit of work: (fewest, most), and of the mean of the two how long each pipe is busy."""
    fewest, most = executions.executions(code.instructions, run.facts)
    times = {address: (fewest[address] + most[address]) / 2 / run.units for address in fewest}
    clocks = busy(code.instructions, times)
    counts = collections.Counter()
    for i in code.instructions:
        counts[class_of(i)] += times.get(i.address, 0.0)
    limit = limit_of(clocks)
    return {"unit": run.unit, "fewest": float(sum(fewest.values())) / run.units, "most": sum(most.values()) / run.units, "counts": dict(counts),
            "busy": clocks, "limit": limit, "clocks": clocks[limit],
            "share_of_floor": clocks[limit] / run.floor}


# ------------------------------------------------------------------------------------------------------------- reading

def demangle(names):
    result = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True)
    return dict(zip(names, result.stdout.splitlines()))


def short_name(demangled):
    """"void a::(anonymous namespace)::kernel<2, true>(float*)" -> "kernel<2, true>"."""
    name = demangled.replace("(anonymous namespace)", "anonymous")
    depth, end = 0, len(name)
    for place, character in enumerate(name):
        depth += (character == "<") - (character == ">")
        if character == "(" and depth == 0 and place > 0:
            end = place
            break
    name = name[:end]
    depth, start = 0, 0
    for place, character in enumerate(name):
        depth += (character == "<") - (character == ">")
        if depth == 0 and (character == " " or name[place - 1:place + 1] == "::"):
            start = place + 1
    return name[start:]


def parse_sass(text):
    """`cuobjdump -sass` -> {mangled name: [Instruction]}."""
    functions = {}
    current = None
    for line in text.splitlines():
        if found := re.search(r"Function : (\S+)", line):
            current = functions.setdefault(found.group(1), [])
        elif current is not None:
            if found := re.match(r"\s+/\*([0-9a-f]{4,})\*/\s+(.*?)\s*;", line):
                current.append(Instruction(int(found.group(1), 16), found.group(2)))
            elif (found := re.match(r"\s+/\* 0x([0-9a-f]{16}) \*/\s*$", line)) and current:
                stall = int(found.group(1), 16) >> 41 & 0xF
                current[-1] = dataclasses.replace(current[-1], stall=max(stall, 1))
    return functions


def parse_resources(text):
    """`cuobjdump -res-usage` -> {mangled name: {REG, STACK, SHARED, LOCAL}}."""
    found = re.findall(r"Function (\S+):\s*\n\s*(REG:.*)", text)
    return {name: {key: int(value) for key, value in re.findall(r"(\w+):(\d+)", usage)} for name, usage in found}


def parse_most_threads(text):
    """`cuobjdump -elf` -> {mangled name: threads a block of __launch_bounds__}, of the kernels that have them."""
    threads = {}
    current = None
    for line in text.splitlines():
        if line.startswith(".nv.info"):
            current = line[len(".nv.info."):].strip()
        elif "EIATTR_MAX_THREADS" in line and current:
            threads[current] = None
        elif line.strip().startswith("Value:") and current in threads and threads[current] is None:
            x, y, z = (int(word, 16) for word in line.split()[1:4])
            threads[current] = x * y * z
    return threads


def find_cuobjdump():
    packages = pathlib.Path(__file__).resolve().parents[2].glob(".venv/lib/python3*/site-packages/triton/backends/nvidia/bin/cuobjdump")
    for candidate in [os.environ.get("DEJAVID_CUOBJDUMP"), shutil.which("cuobjdump"), "/usr/local/cuda/bin/cuobjdump", *packages]:
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    sys.exit("audit.py: found no cuobjdump in PATH, /usr/local/cuda/bin or .venv; expected one; run launch/install.sh --cuda")


def parse_lines(text):
    """`nvdisasm -gi` -> {mangled name: {address: source lines, the innermost first, each (file, number)}}; needs -lineinfo."""
    functions, current, chain, fresh = {}, None, [], True
    for line in text.splitlines():
        if found := re.match(r"\.text\.(\S+):$", line):
            current, chain = functions.setdefault(found.group(1), {}), []
        elif found := re.match(r'\s*//## File "(.*?)", line (\d+)', line):
            chain = [] if fresh else chain
            chain.append((found.group(1), int(found.group(2))))
            fresh = False
        elif current is not None and (found := re.match(r"\s+/\*([0-9a-f]{4,})\*/", line)):
            current[int(found.group(1), 16)] = tuple(chain)
            fresh = True
    return functions


class SourceText:
    """Lines of source files, read once."""

    def __init__(self):
        self.files = {}

    def line(self, file, number):
        if file not in self.files:
            try:
                self.files[file] = pathlib.Path(file).read_text().splitlines()
            except OSError:  # of a toolkit that is elsewhere now
                self.files[file] = []
        return self.files[file][number - 1].strip() if number <= len(self.files[file]) else ""


def with_lines(functions, library, architecture, cuobjdump, environment):
    """The functions whose instructions know their source lines."""
    source = SourceText()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([cuobjdump, "-xelf", "all", "-arch", architecture, os.path.abspath(library)], cwd=folder, capture_output=True, check=True, env=environment)
        for cubin in pathlib.Path(folder).iterdir():
            text = subprocess.run([os.path.join(os.path.dirname(cuobjdump), "nvdisasm"), "-gi", "-c", str(cubin)], capture_output=True, text=True, check=True).stdout
            for name, lines in parse_lines(text).items():
                functions[name] = [dataclasses.replace(i, lines=tuple(source.line(*place) for place in lines.get(i.address, ())))
                                   for i in functions[name]]
    return functions


def read_library(library, architecture, cuobjdump, with_source=True):
    # nvdisasm lies beside cuobjdump
    environment = os.environ | {"PATH": f"{os.path.dirname(cuobjdump)}:{os.environ.get('PATH', '')}"}

    def ask(what):
        return subprocess.run([cuobjdump, what, "-arch", architecture, library], capture_output=True, text=True, check=True, env=environment).stdout

    functions, resources, threads = parse_sass(ask("-sass")), parse_resources(ask("-res-usage")), parse_most_threads(ask("-elf"))
    if with_source:
        functions = with_lines(functions, library, architecture, cuobjdump, environment)
    names = demangle(list(functions))
    codes = []
    for mangled, instructions in functions.items():
        usage = resources[mangled]
        codes.append(Code(short_name(names[mangled]), instructions, usage["REG"], usage["STACK"], usage["SHARED"], usage["LOCAL"],
                          threads.get(mangled)))
    return sorted(codes, key=lambda code: code.name)


def rows_of(library, architecture, cuobjdump=None):
    """Whole runs and pipes are those of sm_90; of another architecture, only what needs neither."""
    counted = architecture == "sm_90"
    codes = read_library(str(library), architecture, cuobjdump or find_cuobjdump(), with_source=counted)
    known = {name: kernel if counted else dataclasses.replace(kernel, run=None) for name, kernel in KERNELS.items()}
    return [audit(code, known.get(code.name)) for code in codes]


# ------------------------------------------------------------------------------------------------------------- printing

def table(header, rows):
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [header, ["---"] * len(header), *rows])


def markdown(rows):
    """What each kernel takes of an SM, what its hot loop issues, what a whole run of some issues, and what is assumed of pipes."""
    def number(value):
        return "" if value is None else f"{value:.2f}" if isinstance(value, float) else value

    def limits(clocks, unit=1.0):
        return ", ".join(f"{name} {clocks[name] / unit:.2f}" for name in sorted(clocks, key=clocks.get, reverse=True)[:3])

    resources = [[f"`{row['kernel']}`", row["registers"], row["stack"], row.get("threads", ""), row.get("shared", row["static_shared"]),
                  row.get("blocks_of_sm", ""), row.get("warps_of_sm", "")] for row in rows]
    names = [name for name in [*CLASSES, "other"] if any(row.get("counts", {}).get(name) for row in rows)]
    loops_of = [[f"`{row['kernel']}`", row["issued"], *(row["counts"][name] for name in names),
                 *(number(row.get(key)) for key in ("arithmetic_share", "share_with_outer_loop", "issued_of_update", "shared_bytes_of_update", "clocks_of_one_warp",
                                                    "bank_clocks_of_instruction")),
                 number(row.get("busy_of_update", {}).get("register banks")),
                 limits(row["busy_of_update"]) if "busy_of_update" in row else limits(row["busy"], row["issued"])]
                for row in rows if "counts" in row]
    runs = [row for row in rows if "run" in row]
    names_of_runs = [name for name in [*CLASSES, "other"] if any(row["run"]["counts"].get(name, 0) >= 0.5 for row in runs)]
    whole = [[f"`{row['kernel']}`", row["run"]["unit"], f"{row['run']['fewest']:.0f}-{row['run']['most']:.0f}",
              *(f"{row['run']['counts'].get(name, 0):.0f}" for name in names_of_runs),
              limits(row["run"]["busy"]), f"{row['run']['share_of_floor']:.3f}"] for row in runs]
    return "\n\n".join([
        table(["kernel", "registers", "stack", "threads", "shared bytes", "blocks an SM", "warps an SM"], resources),
        table(["hot loop of", "issued", *names, "arithmetic of issued", "with the loop around", "issued an update", "shared bytes an update",
               "clocks an instruction, one warp alone", "register-bank clocks an instruction", "an update", "busiest, clocks an update, or an instruction"], loops_of),
        table(["whole run of", "for a warp and", "issued", *names_of_runs, "busiest, clocks", "share of the path floor"], whole),
        table(["pipe", "clocks a warp's instruction", "evidence"], [[name, pipe.clocks, pipe.evidence] for name, pipe in PIPES.items()])])


def main():
    parser = argparse.ArgumentParser(description="what the hot loops of the CUDA kernels issue")
    parser.add_argument("library")
    parser.add_argument("--architecture", default="sm_90")
    parser.add_argument("--cuobjdump")
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = rows_of(options.library, options.architecture, options.cuobjdump)
    print(markdown(rows))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"architecture": options.architecture, "kernels": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
