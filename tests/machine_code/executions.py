"""How often a warp executes each instruction of a kernel, as far as control flow and a few known numbers say.

What a path through the code is made of: every basic block is entered as often as it is left, the kernel once. That alone says little,
so a kernel's row in audit.py adds facts that the shape of the work dictates: "the load of a cell at this source line is executed 40
times a sample". -lineinfo says which instructions belong to a line, wherever the compiler has put, copied or unrolled them. Both are
linear in the executions of the branches, so the fewest and the most instructions that all of this allows are two linear programmes.
Where they lie apart, a fact is missing; where nothing bounds a loop, or facts contradict each other or the code, there is an error.
Nothing is known of which instructions a predicate switches off: they take their slot all the same.

Of divergence: a warp whose lanes take both sides of a branch executes both. The programmes do not know that; facts must
(a block behind `if (lane < 8)` is executed by every warp).
"""

import dataclasses
import re

import numpy as np


@dataclasses.dataclass(frozen=True)
class Fact:
    """Instructions of one kind that come from one source line are executed `times`, all copies together.

    With `iterations` the line is in a loop of so many turns, which the compiler may have unrolled: `times` is then entries x iterations,
    and each block with the most copies of the line is executed as often as the others of its kind, iterations // copies times an entry;
    where that block has a loop of its own, so often does that loop turn.
    With `turns` the innermost loop around the line turns so often whenever it is entered. With `once` it is the block that is executed
    `times`, however many such instructions it has.
    """

    line: str  # regular expression found in the source line, or in one that it was inlined at
    opcode: str  # how the instruction's name begins
    times: float
    iterations: int | None = None
    turns: float | None = None
    once: bool = False


@dataclasses.dataclass
class Block:
    instructions: list
    successors: list  # of blocks by index; None: the kernel ends


def target_of(instruction):
    found = re.search(r"(0x[0-9a-f]+)\s*$", instruction.text)
    return int(found.group(1), 16) if found else None


def conditional(instruction):
    """Whether it may also fall through: under a predicate, or a branch with one among its operands."""
    return instruction.text.startswith("@") or bool(re.search(r"\bBRA\S*\s+!?U?P[0-6T]", instruction.text))


def blocks_of(instructions):
    """Basic blocks in the order of addresses. A slow path for lanes that are not together (BRA.DIV) is never taken: they always are.

    A call is an instruction like others: what is called is not counted, and executions() refuses calls that may be made.
    """
    instructions = [i for i in instructions]
    while instructions and (instructions[-1].kind == "NOP" or (instructions[-1].kind == "BRA" and target_of(instructions[-1]) == instructions[-1].address)):
        instructions.pop()  # what pads a function
    starts, ends = {instructions[0].address}, set()
    place = {i.address: n for n, i in enumerate(instructions)}
    for n, i in enumerate(instructions):
        if i.kind in ("BRX", "JMX", "JMP", "BRXU"):
            raise ValueError(f"found {i.text!r} at {i.address:#x}; computed branches are not followed")
        if i.kind == "BSSY":
            before = place.get(target_of(i), 0) - 1
            if instructions[before].kind != "BSYNC" and instructions[before + 1].kind != "BSYNC":
                raise ValueError(f"{i.text!r} at {i.address:#x} meets elsewhere than at a BSYNC")
        if i.kind in ("BRA", "EXIT", "RET") and not i.never and not i.opcode.startswith("BRA.DIV"):
            ends.add(i.address)
            if i.kind == "BRA":
                starts.add(target_of(i))
            if n + 1 < len(instructions):
                starts.add(instructions[n + 1].address)
    blocks, index = [], {}
    for i in instructions:
        if i.address in starts:
            index[i.address] = len(blocks)
            blocks.append(Block([], []))
        blocks[-1].instructions.append(i)
    for number, block in enumerate(blocks):
        last = block.instructions[-1]
        following = [number + 1] if number + 1 < len(blocks) else []
        if last.address not in ends:
            block.successors = following
        elif last.kind in ("EXIT", "RET"):
            block.successors = [None] + (following if conditional(last) else [])
        else:
            block.successors = [index[target_of(last)]] + (following if conditional(last) else [])
    reachable, pending = {0}, [0]
    while pending:
        for successor in blocks[pending.pop()].successors:
            if successor is not None and successor not in reachable:
                reachable.add(successor)
                pending.append(successor)
    for old in reachable:
        if blocks[old].instructions[-1].kind == "RET":
            raise ValueError(f"found {blocks[old].instructions[-1].text!r} at {blocks[old].instructions[-1].address:#x}, which no call leads to")
    renumbered = {old: new for new, old in enumerate(sorted(reachable))}
    return [Block(blocks[old].instructions, [None if s is None else renumbered[s] for s in blocks[old].successors]) for old in sorted(reachable)]


def dominators(blocks):
    """Of each block, those that every way to it leads through."""
    before = [[] for _ in blocks]
    for number, block in enumerate(blocks):
        for successor in block.successors:
            if successor is not None:
                before[successor].append(number)
    found = [set(range(len(blocks))) for _ in blocks]
    found[0] = {0}
    changed = True
    while changed:
        changed = False
        for number in range(1, len(blocks)):
            new = {number} | set.intersection(*(found[b] for b in before[number]))
            changed |= new != found[number]
            found[number] = new
    return found


def simplex(objective, equalities, values):
    """The least objective @ x with equalities @ x = values, x >= 0; None where nothing fulfils them, -inf where there is no least."""
    rows, columns = equalities.shape
    sign = np.where(values < 0, -1.0, 1.0)
    table = np.hstack([equalities * sign[:, None], np.eye(rows), (values * sign)[:, None]])
    basis = list(range(columns, columns + rows))

    def run(costs, usable):
        reduced = np.append(costs, 0.0)
        for row, column in enumerate(basis):
            if reduced[column]:
                reduced = reduced - reduced[column] * table[row]
        stalled = 0
        while True:
            negative = np.flatnonzero(reduced[:usable] < -1e-7)
            if not len(negative):
                return -reduced[-1]
            careful = stalled > 200  # Bland's rule ends a cycle
            column = negative[0] if careful else negative[np.argmin(reduced[negative])]
            positive = np.flatnonzero(table[:, column] > 1e-8)
            if not len(positive):
                return -np.inf
            ratios = table[positive, -1] / table[positive, column]
            least = ratios.min()
            tied = positive[ratios <= least + 1e-9]
            row = min(tied, key=lambda r: basis[r]) if careful else tied[np.argmax(table[tied, column])]
            stalled = stalled + 1 if least < 1e-9 else 0
            table[row] /= table[row, column]
            others = table[:, column].copy()
            others[row] = 0
            table[:] -= np.outer(others, table[row])
            reduced = reduced - reduced[column] * table[row]
            basis[row] = column

    if run(np.concatenate([np.zeros(columns), np.ones(rows)]), columns + rows) > 1e-6 * max(1.0, np.abs(values).max()):
        return None, None
    for row in range(rows):  # what is left of the artificial ones is zero: out of the basis, or a row that says nothing
        if basis[row] >= columns:
            usable = np.flatnonzero(np.abs(table[row, :columns]) > 1e-9)
            if len(usable):
                table[row] /= table[row, usable[0]]
                others = table[:, usable[0]].copy()
                others[row] = 0
                table[:] -= np.outer(others, table[row])
                basis[row] = usable[0]
            else:
                table[row] = 0
    table[:, columns:columns + rows] = 0
    least = run(np.concatenate([objective, np.zeros(rows)]), columns)
    x = np.zeros(columns)
    for row, column in enumerate(basis):
        if column < columns:
            x[column] = table[row, -1]
    return least, x


def marked(blocks, fact):
    """Of each block, how many of its instructions the fact is about."""
    copies = [sum(i.opcode.startswith(fact.opcode) and any(re.search(fact.line, line) for line in i.lines) and not i.never for i in block.instructions)
              for block in blocks]
    return [min(number, 1) for number in copies] if fact.once else copies


def constraints(blocks, facts):
    """(matrix, values, edges): equalities over the executions of the edges (from, to); one more edge enters the first block."""
    edges = [(None, 0)] + [(number, successor) for number, block in enumerate(blocks) for successor in block.successors]
    into = np.array([[float(edge[1] == number) for edge in edges] for number in range(len(blocks))])
    out_of = np.array([[float(edge[0] == number) for edge in edges] for number in range(len(blocks))])
    lines, values = list(into - out_of), [0.0] * len(blocks)
    entry = np.zeros(len(edges))
    entry[0] = 1
    lines.append(entry)
    values.append(1.0)
    for fact in facts:
        copies = np.array(marked(blocks, fact))
        if not copies.any():
            raise ValueError(f"found no {fact.opcode} of the line {fact.line!r}")
        lines.append(copies @ into)
        values.append(fact.times)
        if fact.iterations:
            largest = np.flatnonzero(copies == copies.max())
            for block in largest:
                lines.append(into[block])
                values.append(fact.times / fact.iterations / len(largest) * (fact.iterations // copies.max()))
    return np.array(lines), np.array(values), edges, into


@dataclasses.dataclass
class Loop:
    head: int  # block
    body: set  # of blocks
    back: list  # edges by index
    entries: list


def loops_of(blocks, edges):
    """Natural ones, the smallest first."""
    above = dominators(blocks)
    found = []
    for head in range(len(blocks)):
        into_head = [n for n, edge in enumerate(edges) if edge[1] == head]
        back = [n for n in into_head if edges[n][0] is not None and head in above[edges[n][0]]]
        if not back:
            continue
        body, pending = {head}, [edges[n][0] for n in back]
        while pending:
            block = pending.pop()
            if block not in body:
                body.add(block)
                pending += [edge[0] for edge in edges if edge[1] == block and edge[0] is not None]
        found.append(Loop(head, body, back, [n for n in into_head if n not in back]))
    return sorted(found, key=lambda loop: len(loop.body))


def turns_of(blocks, edges, loops, facts):
    """Equalities: executions of a loop's head = turns x entries."""
    rows = []

    def add(loop, turns):
        row = np.zeros(len(edges))
        row[loop.back] = 1
        row[loop.entries] = 1 - turns
        rows.append(row)

    for fact in facts:
        copies = marked(blocks, fact)
        innermost = {block: next((loop for loop in loops if block in loop.body), None) for block in range(len(blocks)) if copies[block]}
        if fact.turns:
            if None in innermost.values():
                raise ValueError(f"no loop around {fact.opcode} of the line {fact.line!r}")
            for loop in {id(loop): loop for loop in innermost.values()}.values():
                add(loop, fact.turns)
        if fact.iterations:
            for block, loop in innermost.items():
                if loop and copies[block] == max(copies) == sum(copies[b] for b in loop.body):
                    add(loop, fact.iterations // copies[block])
    return rows


def loop_bounds(edges, loops):
    """Turns of each loop - MOST_TURNS x its entries, as rows over the edges: no loop turns that is not entered."""
    rows = np.zeros((len(loops), len(edges)))
    for row, loop in zip(rows, loops):
        row[loop.back] = 1
        row[loop.entries] = -MOST_TURNS
    return rows


MOST_TURNS = 1e4


def executions(instructions, facts, weight=lambda instruction: 1.0):
    """(fewest, most): how often a warp executes the instruction at each address, in the two extremes of the sum of weights issued."""
    blocks = blocks_of(instructions)
    matrix, values, edges, into = constraints(blocks, facts)
    loops = loops_of(blocks, edges)
    bounds = loop_bounds(edges, loops)
    known = np.vstack([matrix, *turns_of(blocks, edges, loops, facts)])
    whole = np.vstack([np.hstack([known, np.zeros((len(known), len(loops)))]), np.hstack([bounds, np.eye(len(loops))])])
    values = np.concatenate([values, np.zeros(len(whole) - len(values))])
    cost = np.array([sum(weight(i) for i in block.instructions) for block in blocks]) @ into
    found = []
    for direction in (1, -1):
        least, x = simplex(np.concatenate([direction * cost, np.zeros(len(loops))]), whole, values)
        if x is None:
            raise ValueError("the facts contradict each other or the code")
        x = x[:len(edges)]
        for loop, row in zip(loops, bounds):
            if x[loop.back].sum() > 0.5 and x @ row > -1e-6:
                first = blocks[loop.head].instructions[0]
                raise ValueError(f"nothing bounds the loop at {first.address:#x}, line {' inlined at '.join(first.lines)!r}")
        times = into @ x
        for number, block in enumerate(blocks):
            for i in block.instructions:
                if i.kind == "CALL" and times[number] > 1e-6:
                    raise ValueError(f"{i.text!r} at {i.address:#x} may be executed; a fact must say that it is not, calls are not followed")
        found.append({i.address: times[number] for number, block in enumerate(blocks) for i in block.instructions})
    return found
