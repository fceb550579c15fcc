"""The roof's loops as compiled: one sub, one and, one multiply(-add) for each sum, none moved out of the loop."""

import collections
import platform
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))

import support  # noqa: E402

KINDS = {"sub": r"v?subps", "and": r"v?andps", "multiply": r"vfmadd\d+ps|mulps"}


def instruction_counts():
    """How many of each kind every roof loop of dejavid_bench has."""
    command = ["objdump", "--disassemble", "--no-show-raw-insn", "--demangle", str(support.BIN / "dejavid_bench")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    loops = []
    for function in re.split(r"\n\n(?=[0-9a-f]+ <)", text):
        if not re.match(r"[0-9a-f]+ <.*(roof_loop|_roof)\(", function):
            continue
        instructions = [line.split("\t")[1].split()[0] for line in function.splitlines() if line.count("\t")]
        counts = collections.Counter(
            kind for word in instructions for kind, pattern in KINDS.items() if re.fullmatch(pattern, word)
        )
        if counts:
            loops.append(counts)
    return loops


@unittest.skipUnless(platform.machine() == "x86_64", "knows x86-64 instructions only")
@unittest.skipUnless(shutil.which("objdump"), "needs objdump")
class Roof(unittest.TestCase):
    def test_each_sum_has_its_own_sub_and_multiply(self):
        loops = instruction_counts()
        self.assertEqual(sorted(counts["multiply"] for counts in loops), [8, 10, 24])  # portable, avx2, avx512
        for counts in loops:
            self.assertEqual(counts["sub"], counts["multiply"])
            self.assertEqual(counts["and"], counts["multiply"])


if __name__ == "__main__":
    unittest.main()
