"""Reads the machine code of the CUDA kernels and says what their hot loops issue.

An SM of sm_90 issues four instructions a clock, one for each of its four schedulers, and its fp32 pipes take as many. A kernel that does
nothing but FADD and FFMA therefore runs at the fp32 issue floor; every other instruction of its hot loop takes a slot from them. The share
of FADD and FFMA among the issued instructions is the share of the floor that the loop reaches when its waits are hidden.

The hot loop: every backward branch closes a loop, from its target to itself. The hot loop is the shortest that has at least 0.8 of the
kernel's FADD and FFMA; where none has as many, the one with the most. Where a kernel is known to do a fixed number of element updates
per turn of the loop around it (Kernel.updates_of_outer_turn), that loop is counted too: its own instructions once, those of the inner
one as often as the updates need. All instructions between a loop's ends count, on both sides of a branch within.

Where a kernel computes on tensor cores (Kernel.matrix), f16 arithmetic and HMMA stand for FADD and FFMA. An element is half a HMNMX2 or half
a HFMA2.RELU: the integer pipe takes the one every other clock, the f16 pipe the other, so that as many of each issue every clock. A HMMA of
16 x 8 x 16 occupies a scheduler's tensor core for about 6.2 clocks, hence may be the limit before issue is.

    python audit.py LIBRARY [--architecture sm_90] [--cuobjdump PROGRAM] [--json FILE]      prints Markdown tables
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys


# What the machine code does not tell: how a kernel is started, by the part of its name before the parameters.
@dataclasses.dataclass(frozen=True)
class Kernel:
    threads: int  # a block
    dynamic_shared: int = 0  # bytes a block
    updates_of_outer_turn: int | None = None  # element updates a thread, in one turn of the loop around the hot one
    matrix: bool = False  # computes on tensor cores


STAGE = 16  # features in shared memory at a time, kFeatureStage of kernels/cost.hpp
HALF_STAGE = 32  # kHalfFeatureStage
TILE = {"float": 2 * 64 * 128 * 4, "__half": 2 * 64 * 128 * 2}  # two tiles of columns of kernels/cuda/along_path.cu
LOOKUP, CENTROIDS = 1088, 8 * 256 * 16
KERNELS = {
    "cost_kernel<1>": Kernel(64, 2 * STAGE * 3 * 64 * 4, updates_of_outer_turn=STAGE * 64),
    "cost_kernel<2>": Kernel(128, 2 * STAGE * 4 * 64 * 4, updates_of_outer_turn=STAGE * 64),
    "half_cost_kernel<1>": Kernel(128, 2 * HALF_STAGE * 3 * 64 * 2, updates_of_outer_turn=HALF_STAGE * 32, matrix=True),
    "half_cost_kernel<2>": Kernel(128, 2 * HALF_STAGE * 4 * 64 * 2, updates_of_outer_turn=HALF_STAGE * 64, matrix=True),
    **{f"distance_kernel<{feature}>": Kernel(256, tile + LOOKUP) for feature, tile in TILE.items()},
    **{f"gradient_kernel<{feature}>": Kernel(256, tile + LOOKUP + CENTROIDS) for feature, tile in TILE.items()},
    **{f"warp_kernel<{rows}, {diagonal}>": Kernel(64) for rows in (8, 16, 32) for diagonal in ("false", "true")},
    **{f"slope_intercept_kernel<{feature}>": Kernel(128) for feature in TILE},
    **{f"barycenter_kernel<{feature}>": Kernel(128) for feature in TILE},
    "sample_losses_kernel": Kernel(128),
    "update_kernel": Kernel(256),
}


@dataclasses.dataclass(frozen=True)
class Instruction:
    address: int
    text: str
    stall: int = 1  # clocks until the same warp may issue again

    @property
    def opcode(self):
        words = self.text.split()
        return words[1 if words[0].startswith("@") else 0]

    @property
    def kind(self):
        return self.opcode.split(".")[0]

    @property
    def never(self):
        return self.text.startswith("@!PT")  # takes its slot and does nothing

    @property
    def branch_target(self):
        found = re.search(r"\bBRA(?:\.\S+)?\s+(?:.*,\s*)?`?\(?(0x[0-9a-f]+)", self.text)
        return int(found.group(1), 16) if found else None


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
    "matrix": ["HMMA"],
    "other fp": ["FMUL", "FMNMX", "FSEL", "FSET", "FSETP", "FCHK", "MUFU", "FRND", "F2F", "F2I", "I2F", "I2FP", "F2FP", "HSETP2",
                 "HSET2", "DADD", "DMUL", "DFMA", "DSETP"],
    "LDS": ["LDS", "STS", "LDSM"],
    "async copy": ["LDGSTS"],
    "global": ["LDG", "STG", "LD", "ST", "RED", "ATOM", "ATOMG", "LDC"],
    "local": ["LDL", "STL"],
    "integer": ["IADD3", "IMAD", "LEA", "LOP3", "SHF", "SHL", "SHR", "ISETP", "MOV", "MOV32I", "SEL", "PRMT", "IMNMX", "VIMNMX", "IABS", "POPC",
                "FLO", "BREV", "PLOP3", "CS2R", "S2R", "S2UR", "R2UR", "P2R", "R2P", "SHFL", "VOTE", "VOTEU", "LOP", "IADD", "ISCADD",
                "BMSK", "SGXT", "IDP", "VABSDIFF", "NOP", "REDUX", "MATCH"],
    "control": ["BRA", "BRX", "EXIT", "BAR", "BSSY", "BSYNC", "BREAK", "WARPSYNC", "DEPBAR", "LDGDEPBAR", "YIELD", "CALL", "RET",
                "NANOSLEEP", "MEMBAR", "ERRBAR", "CCTL", "KILL"],
}
CLASS_OF = {kind: name for name, kinds in CLASSES.items() for kind in kinds}


def class_of(instruction):
    kind = instruction.kind
    if kind == "HFMA2" and instruction.opcode.startswith("HFMA2.MMA") and "-RZ, RZ" in instruction.text:
        return "integer"  # how ptxas moves a constant
    if instruction.opcode == "HADD2.F32":
        return "other fp"  # from f16 to f32
    if kind in CLASS_OF:
        return CLASS_OF[kind]
    return "integer" if kind.startswith("U") else "other"  # U: the uniform registers' unit


def count(instructions):
    counts = collections.Counter({name: 0 for name in [*CLASSES, "other"]})
    counts.update(class_of(instruction) for instruction in instructions)
    return counts


def arithmetic(instructions, matrix=False):
    return sum(class_of(instruction) in (["f16", "matrix"] if matrix else ["FADD", "FFMA"]) for instruction in instructions)


def element_updates(instructions, matrix=False):
    if matrix:
        return 2 * sum(i.kind == "HMNMX2" or i.opcode == "HFMA2.RELU" for i in instructions)
    return sum(i.kind == "FFMA" for i in instructions)


def loops(instructions):
    """Bodies, shortest first. A branch to itself, with which ptxas ends every function, is none."""
    bodies = {}
    for instruction in instructions:
        target = instruction.branch_target
        if target is not None and target < instruction.address:
            span = (target, instruction.address)
            bodies[span] = [i for i in instructions if span[0] <= i.address <= span[1]]
    return sorted(bodies.values(), key=len)


def hot_loop(instructions, matrix=False):
    """The rule at the top of this file; None where no loop has arithmetic."""
    def work(body):
        return arithmetic(body, matrix)

    candidates = [body for body in loops(instructions) if work(body)]
    if not candidates:
        return None
    enough = 0.8 * work(instructions)
    return next((body for body in candidates if work(body) >= enough), max(candidates, key=work))


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
            if instruction.kind == "LDSM":  # .4: as many matrices, of each 4 bytes a thread
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
           "local_instructions": sum(class_of(i) == "local" for i in code.instructions), "instructions": len(code.instructions)}
    if kernel:
        shared = code.static_shared + kernel.dynamic_shared
        blocks = occupancy(code.registers, kernel.threads, shared)
        row |= {"threads": kernel.threads, "shared": shared, "blocks_of_sm": blocks, "warps_of_sm": blocks * -(-kernel.threads // 32)}
    matrix = bool(kernel and kernel.matrix)
    hot = hot_loop(code.instructions, matrix)
    if hot is None:
        return row
    counts = count(hot)
    updates = element_updates(hot, matrix)
    if matrix:
        row["matrix_of_update"] = counts["matrix"] / updates
    row |= {"hot_loop": f"{hot[0].address:#x}..{hot[-1].address:#x}", "issued": len(hot), "counts": dict(counts),
            "arithmetic_share": arithmetic(hot, matrix) / len(hot), "clocks_of_one_warp": sum(i.stall for i in hot) / len(hot),
            "shared_bytes_of_update": shared_bytes(hot) / updates if updates else None}
    outer = loop_around(code.instructions, hot) if kernel and kernel.updates_of_outer_turn else None
    if outer:
        turns = kernel.updates_of_outer_turn / updates
        issued = len(outer) + (turns - 1) * len(hot)
        useful = arithmetic(outer, matrix) + (turns - 1) * arithmetic(hot, matrix)
        row |= {"turns": turns, "outer_loop": f"{outer[0].address:#x}..{outer[-1].address:#x}", "share_with_outer_loop": useful / issued,
                "issued_of_update": issued / kernel.updates_of_outer_turn}
    return row


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


def read_library(library, architecture, cuobjdump):
    def ask(what):
        # nvdisasm lies beside cuobjdump
        path = f"{os.path.dirname(cuobjdump)}:{os.environ.get('PATH', '')}"
        return subprocess.run([cuobjdump, what, "-arch", architecture, library], capture_output=True, text=True, check=True,
                              env=os.environ | {"PATH": path}).stdout

    functions, resources, threads = parse_sass(ask("-sass")), parse_resources(ask("-res-usage")), parse_most_threads(ask("-elf"))
    names = demangle(list(functions))
    codes = []
    for mangled, instructions in functions.items():
        usage = resources[mangled]
        codes.append(Code(short_name(names[mangled]), instructions, usage["REG"], usage["STACK"], usage["SHARED"], usage["LOCAL"],
                          threads.get(mangled)))
    return sorted(codes, key=lambda code: code.name)


def rows_of(library, architecture, cuobjdump=None):
    return [audit(code, KERNELS.get(code.name)) for code in read_library(str(library), architecture, cuobjdump or find_cuobjdump())]


# ------------------------------------------------------------------------------------------------------------- printing

def table(header, rows):
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in [header, ["---"] * len(header), *rows])


def markdown(rows):
    """Two tables: what each kernel takes of an SM, and what its hot loop issues."""
    def number(value):
        return "" if value is None else f"{value:.2f}" if isinstance(value, float) else value

    resources = [[f"`{row['kernel']}`", row["registers"], row["stack"], row.get("threads", ""), row.get("shared", row["static_shared"]),
                  row.get("blocks_of_sm", ""), row.get("warps_of_sm", "")] for row in rows]
    names = [name for name in [*CLASSES, "other"] if any(row.get("counts", {}).get(name) for row in rows)]
    loops_of = [[f"`{row['kernel']}`", row["issued"], *(row["counts"][name] for name in names),
                 *(number(row.get(key)) for key in ("arithmetic_share", "share_with_outer_loop", "issued_of_update", "shared_bytes_of_update", "clocks_of_one_warp"))]
                for row in rows if "counts" in row]
    return "\n\n".join([
        table(["kernel", "registers", "stack", "threads", "shared bytes", "blocks an SM", "warps an SM"], resources),
        table(["hot loop of", "issued", *names, "arithmetic of issued", "with the loop around", "issued an update", "shared bytes an update",
               "clocks an instruction, one warp alone"], loops_of)])


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
