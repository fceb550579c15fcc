"""The reader of machine code on small pieces of it whose counts are plain to see."""

import dataclasses
import unittest

import audit
import executions
from executions import Fact


def listing(name, lines):
    """As cuobjdump prints: address, instruction, its two words; control bits in the second, here a stall of 2 clocks."""
    text = f"\t\tFunction : {name}\n\t.headerflags\t@\"EF_CUDA_SM90\"\n"
    for number, line in enumerate(lines):
        text += f"        /*{number * 16:04x}*/                   {line} ;      /* 0x00000a00ff017b82 */\n"
        text += " " * 60 + f"/* 0x{2 << 41:016x} */\n"
    return text


def code(lines):
    return audit.parse_sass(listing("kernel", lines))["kernel"]


# An outer loop of two stages (0x20..0xd0) around the loop that computes (0x50..0xa0), and one that does not (0xe0..0xf0).
NESTED = [
    "LDC R1, c[0x0][0x28]",                      # 0x00
    "FADD R9, R9, R9",                           # 0x10
    "LDGSTS.E.BYPASS.128 [R49], desc[UR6][R6.64]",  # 0x20
    "DEPBAR.LE SB0, 0x0",                        # 0x30
    "BAR.SYNC.DEFER_BLOCKING 0x0",               # 0x40
    "LDS.128 R76, [R5]",                         # 0x50
    "@!PT LDS RZ, [RZ]",                         # 0x60
    "FADD R11, R48.reuse, -R76.reuse",           # 0x70
    "FFMA R104, R41, |R11|, R89",                # 0x80
    "IADD3 R7, R7, 0x4, RZ",                     # 0x90
    "@P0 BRA 0x50",                              # 0xa0
    "HFMA2.MMA R7, -RZ, RZ, 0, 0",               # 0xb0
    "ISETP.GE.AND P0, PT, R9, UR5, PT",          # 0xc0
    "@!P0 BRA 0x20",                             # 0xd0
    "IADD3 R9, R9, 0x1, RZ",                     # 0xe0
    "@P1 BRA 0xe0",                              # 0xf0
    "EXIT",                                      # 0x100
    "BRA 0x110",                                 # 0x110
]


class HotLoop(unittest.TestCase):
    def test_loops_are_backward_branches_but_not_to_themselves(self):
        self.assertEqual([(b[0].address, b[-1].address) for b in audit.loops(code(NESTED))], [(0xE0, 0xF0), (0x50, 0xA0), (0x20, 0xD0)])

    def test_the_hot_loop_is_the_shortest_with_enough(self):
        instructions = code(NESTED)  # the inner loop has 2 of 3
        self.assertEqual([i.address for i in audit.hot_loop(instructions)][::5], [0x50, 0xA0])
        without_prologue = code([NESTED[0], "NOP", *NESTED[2:]])
        self.assertEqual(len(audit.hot_loop(without_prologue)), 6)

    def test_unrolled_code_before_a_short_loop_makes_the_outer_loop_hot(self):
        lines = list(NESTED)
        lines[2:5] = ["FADD R1, R2, R3", "FFMA R1, R2, R3, R1", "FFMA R1, R2, R3, R1"]
        self.assertEqual(len(audit.hot_loop(code(lines))), 12)

    def test_none_without_a_loop(self):
        self.assertIsNone(audit.hot_loop(code(["FADD R1, R2, R3", "FFMA R1, R2, R3, R1", "EXIT", "BRA 0x30"])))


class Counting(unittest.TestCase):
    def test_by_pipe(self):
        counts = audit.count(code(NESTED))
        self.assertEqual({name: n for name, n in counts.items() if n},
                         {"FADD": 2, "FFMA": 1, "LDS": 2, "async copy": 1, "global": 1, "integer": 4, "control": 7})

    def test_shared_bytes_of_one_thread(self):
        self.assertEqual(audit.shared_bytes(code(NESTED)), 16)  # the one under @!PT reads nothing
        self.assertEqual(audit.shared_bytes(code(["LDS R1, [R2]", "LDS.64 R2, [R4]", "LDS.U16 R1, [R2]", "STS.128 [R2], R4"])), 30)

    def test_share_and_stalls(self):
        row = audit.audit(audit.Code("kernel", code(NESTED)))
        self.assertEqual((row["hot_loop"], row["issued"], row["counts"]["FFMA"]), ("0x50..0xa0", 6, 1))
        self.assertAlmostEqual(row["arithmetic_share"], 2 / 6)
        self.assertEqual(row["shared_bytes_of_update"], 16)
        self.assertEqual(row["clocks_of_one_warp"], 2)

    def test_share_with_the_loop_around(self):
        row = audit.audit(audit.Code("kernel", code(NESTED)), audit.Kernel(threads=32, updates_of_outer_turn=3))
        self.assertEqual(row["turns"], 3)
        self.assertAlmostEqual(row["share_with_outer_loop"], 6 / (12 + 2 * 6))

    def test_half_precision_in_two_loops(self):
        """A stage (0x10..0xc0) with two inner loops of two updates each, and four conversions and additions."""
        lines = ["LDC R1, c[0x0][0x28]", "BAR.SYNC.DEFER_BLOCKING 0x0",
                 "HFMA2.MMA R2, R4, 1, 1, -R5", "HFMA2 R6, R7, |R2|, R6", "@P0 BRA 0x20",
                 "HADD2 R2, R4, -R5", "HFMA2.MMA R6, R7, R2, R6", "@P0 BRA 0x50",
                 "HFMA2.MMA R8, -RZ, RZ, 0, 0", "HADD2.F32 R2, -RZ, R6.H0_H0", "FADD R9, R2, R9", "FADD R9, R2, R9", "@P1 BRA 0x10", "EXIT"]
        row = audit.audit(audit.Code("kernel", code(lines)), audit.Kernel(threads=32, work=audit.F16, updates_of_outer_turn=12))
        self.assertEqual((row["hot_loop"], row["issued"], row["counts"]["f16"]), ("0x20..0x40 0x50..0x70", 6, 4))
        self.assertAlmostEqual(row["arithmetic_share"], 4 / 6)
        self.assertEqual((row["busy"]["half"], row["turns"]), (4, 3))  # a clock each, whichever of the two f16 pipes
        self.assertAlmostEqual(row["share_with_outer_loop"], 12 / (12 + 2 * 6))
        self.assertAlmostEqual(row["issued_of_update"], 24 / 12)

    def test_tensor_cores(self):
        """A stage (0x10..0xa0) around a loop (0x20..0x80) of four elements that one HMMA sums."""
        lines = ["LDC R1, c[0x0][0x28]", "BAR.SYNC.DEFER_BLOCKING 0x0",
                 "LDSM.16.M88.4 R4, [R3]", "LDS.128 R12, [R2]", "HMNMX2 R8, R13, R4, !PT", "HFMA2.RELU R9, R5, 1, 1, -R13",
                 "HMUL2 R10, R14, -0.5, -0.5", "HMMA.16816.F32 R16, R8, R10, R16", "@P0 BRA 0x20",
                 "IADD3 R2, R2, 0x1, RZ", "@P1 BRA 0x10", "EXIT"]
        row = audit.audit(audit.Code("kernel", code(lines)), audit.Kernel(threads=32, work=audit.TENSOR, updates_of_outer_turn=12))
        self.assertEqual((row["hot_loop"], row["issued"], row["counts"]["f16"], row["counts"]["tensor"]), ("0x20..0x80", 7, 3, 1))
        self.assertEqual((row["turns"], row["shared_bytes_of_update"]), (3, 8))
        self.assertAlmostEqual(row["share_with_outer_loop"], 12 / (10 + 2 * 7))
        self.assertAlmostEqual(row["busy_of_update"]["tensor"], 6.7 / 4)
        self.assertAlmostEqual(row["busy_of_update"]["alu"], (3 * 2 + 2) / 12)  # HMNMX2 in every turn, IADD3 in the stage
        self.assertAlmostEqual(row["busy_of_update"]["tensor and alu"], (3 * (6.7 + 2) + 2) / 12)  # they take turns
        self.assertEqual((row["limit"], row["busy"]["half"]), ("tensor and alu", 2))

    def test_bytes(self):
        lines = ["LDC R1, c[0x0][0x28]", "VABSDIFF4.U8 R3, R4, R5, RZ", "IDP.4A.U8.U8 R6, R3, R7, R6", "@P0 BRA 0x10", "EXIT"]
        row = audit.audit(audit.Code("kernel", code(lines)), audit.Kernel(threads=32, work=audit.BYTES))
        self.assertEqual((row["counts"]["bytes"], row["busy"]["alu"], row["busy"]["fma heavy"], row["busy"]["fma"]), (2, 2, 2, 1))

    def bank_clocks(self, *lines, again=False):
        return audit.bank_clocks(code(lines), again)

    def test_register_banks(self):
        """Two registers a clock, one of each bank; the same register is read once."""
        for clocks, lines in {
            1: ["FFMA R1, R2, R3, R2", "FFMA R1, R2, R2, R3", "FADD R1, R2, R3", "FFMA R1, R2, R3, RZ", "FFMA R1, R2, c[0x0][0x4], R5", "MOV R1, 0x1"],
            2: ["FFMA R1, R2, R4, R5", "FADD R1, R2, -|R4|", "FFMA R1, |R2|, 2, R4", "@!P0 FFMA R1, R7, R5, R4", "HFMA2.MMA R1, R2, R4.H0_H0, R5"],
            3: ["FFMA R1, R2, |R4|, -R6", "FFMA R1, R3, R5, R7", "@P0 FFMA R1, R2, R4, R6", "IADD3 R1, R2, R4, R6", "IDP.4A.U8.U8 R1, R2, R4, R6"],
        }.items():
            for line in lines:
                self.assertEqual(self.bank_clocks(line), [clocks], line)

    def test_loads_and_tensor_cores_take_one_clock_of_the_banks(self):
        self.assertEqual(self.bank_clocks("LDS.128 R4, [R2]", "STS [R2], R4", "HMMA.16816.F32 R16, R8, R10, R16"), [1, 1, 1])

    def test_an_operand_kept_for_later_is_read_once(self):
        self.assertEqual(self.bank_clocks("FADD R1, R2.reuse, R3", "FADD R1, R2, R4"), [1, 1])
        self.assertEqual(self.bank_clocks("FADD R1, R2, R3", "FADD R1, R2, R4"), [1, 2])  # not marked
        self.assertEqual(self.bank_clocks("FADD R1, R3, R2.reuse", "FADD R1, R2, R4"), [1, 2])  # in another place
        self.assertEqual(self.bank_clocks("FADD R1, -|R2.reuse|, R3", "FADD R1, R2, R4"), [1, 1])  # the register, not its sign

    def test_it_stays_until_another_takes_its_place(self):
        first, last = "FADD R1, R2.reuse, R3", "FADD R1, R2, R4"
        self.assertEqual(self.bank_clocks(first, "FADD R1, R6, R3", "LDS R9, [R2]", last)[-1], 1)  # none of them marked
        self.assertEqual(self.bank_clocks(first, "FADD R1, R6.reuse, R3", last)[-1], 2)
        self.assertEqual(self.bank_clocks(first, "FADD R1, R5.reuse, R6", last)[-1], 1)  # of the other bank
        self.assertEqual(self.bank_clocks(first, "FADD R1, R3, R6.reuse", last)[-1], 1)  # in another place
        self.assertEqual(self.bank_clocks("FADD R1, R2.reuse, R3", "FADD R1, R2.reuse, R4", last), [1, 1, 1])

    def test_a_register_that_is_written_is_read_again(self):
        first, last = "FADD R1, R2.reuse, R3", "FADD R1, R2, R4"
        for between, clocks in {"FADD R2, R5, R6": 2, "LDS.128 R0, [R9]": 2, "LDS.64 R0, [R9]": 1, "LDS R2, [R9]": 2, "STS [R9], R2": 1,
                                "LDSM.16.M88.4 R0, [R9]": 2, "HMMA.16816.F32 R0, R8, R10, R12": 2, "IMAD.WIDE R1, R5, R6, R8": 2,
                                "ISETP.GE.AND P0, PT, R2, R5, PT": 1, "FADD R1, R5, R6": 1}.items():
            self.assertEqual(self.bank_clocks(first, between, last)[-1], clocks, between)

    def test_a_loop_finds_at_its_beginning_what_its_end_keeps(self):
        body = ["FADD R1, R2, R4", "FADD R1, R2.reuse, R3"]
        self.assertEqual(self.bank_clocks(*body), [2, 1])
        self.assertEqual(self.bank_clocks(*body, again=True), [1, 1])

    def test_banks_are_a_limit_beside_issue(self):
        lines = ["LDC R1, c[0x0][0x28]", "FADD R9, R2, R4", "FFMA R8, R5, |R9|, R8", "@P0 BRA 0x10", "EXIT"]
        row = audit.audit(audit.Code("kernel", code(lines)))
        self.assertEqual((row["busy"]["issue"], row["busy"]["register banks"], row["limit"]), (3, 5, "register banks"))
        self.assertEqual(row["bank_clocks_of_instruction"], 5 / 3)
        lines[1] = "FADD R9, R2, R3"
        lines[2] = "FFMA R8, RZ, |R9|, R8"
        self.assertEqual(audit.audit(audit.Code("kernel", code(lines)))["limit"], "issue")

    def test_local_memory_is_seen(self):
        spilled = ["STL [R1], R4", *NESTED[:-2], "LDL.LU R4, [R1]", "EXIT"]
        self.assertEqual(audit.audit(audit.Code("kernel", code(spilled)))["local_instructions"], 2)
        self.assertEqual(audit.audit(audit.Code("kernel", code(NESTED)))["local_instructions"], 0)

    def test_an_unknown_instruction_is_other_and_uniform_ones_are_integer(self):
        self.assertEqual([audit.class_of(i) for i in code(["QQQ R1", "UIADD3 UR4, UR4, 0x1, URZ", "@UP0 ULEA UR4, UR4, UR5, 0x2"])],
                         ["other", "integer", "integer"])


def of_lines(lines):
    """Each a source line and its instruction."""
    instructions = code([text for _, text in lines])
    return [dataclasses.replace(i, lines=(line,)) for i, (line, _) in zip(instructions, lines)]


# A loop over samples (0x10..0xd0), in it rows of cells: two at a time (0x40..0x60), then perhaps one more (0x80..0x90), and something
# that is done for some samples (0xb0).
CELLS = [
    ("start", "LDC R1, c[0x0][0x28]"),         # 0x00
    ("sample", "BAR.SYNC.DEFER_BLOCKING 0x0"),  # 0x10
    ("rows", "ISETP.GE.AND P0, PT, R9, 0x2, PT"),  # 0x20
    ("rows", "@!P0 BRA 0x70"),                 # 0x30
    ("cell", "LDS R2, [R3]"),                  # 0x40
    ("cell", "LDS R2, [R3+0x4]"),              # 0x50
    ("rows", "@P1 BRA 0x40"),                  # 0x60
    ("rows", "@!P2 BRA 0xa0"),                 # 0x70
    ("cell", "LDS R2, [R3]"),                  # 0x80
    ("cell", "FADD R4, R2, R4"),               # 0x90
    ("some", "@P3 BRA 0xc0"),                  # 0xa0
    ("some", "STG [R4], R5"),                  # 0xb0
    ("sample", "IADD3 R9, R9, 0x1, RZ"),       # 0xc0
    ("sample", "@P4 BRA 0x10"),                # 0xd0
    ("end", "EXIT"),                           # 0xe0
    ("end", "BRA 0xf0"),                       # 0xf0
]
SAMPLES = Fact("sample", "BAR", 10, turns=10)
FIVE_CELLS = Fact("cell", "LDS", 50, iterations=5)


class Executions(unittest.TestCase):
    def issued(self, lines, *facts):
        return [round(sum(times.values()), 6) for times in executions.executions(of_lines(lines), facts)]

    def test_blocks(self):
        blocks = executions.blocks_of(of_lines(CELLS))
        self.assertEqual([(b.instructions[0].address, b.successors) for b in blocks],
                         [(0x00, [1]), (0x10, [3, 2]), (0x40, [2, 3]), (0x70, [5, 4]), (0x80, [5]), (0xA0, [7, 6]), (0xB0, [7]), (0xC0, [1, 8]),
                          (0xE0, [None])])

    def test_what_facts_leave_open_lies_between_fewest_and_most(self):
        # start and end; of each sample 3 + 2 x 3 + 1 + 2 + 1 + 2, and the store or not
        self.assertEqual(self.issued(CELLS, SAMPLES, FIVE_CELLS), [2 + 10 * 15, 2 + 10 * 16])
        for share in (0, 4, 10):
            fewest, most = self.issued(CELLS, SAMPLES, FIVE_CELLS, Fact("some", "STG", share))
            self.assertAlmostEqual(fewest, most)
            self.assertAlmostEqual(most, 2 + 10 * 15 + share)

    def test_each_instruction_on_its_own(self):
        fewest, most = executions.executions(of_lines(CELLS), (SAMPLES, FIVE_CELLS, Fact("some", "STG", 4)))
        for address, times in ((0x00, 1), (0x10, 10), (0x40, 20), (0x80, 10), (0xB0, 4), (0xE0, 1)):
            self.assertAlmostEqual(fewest[address], times, msg=hex(address))
            self.assertAlmostEqual(most[address], times, msg=hex(address))

    def test_an_even_number_needs_no_rest(self):
        fewest, most = executions.executions(of_lines(CELLS), (SAMPLES, Fact("cell", "LDS", 40, iterations=4)))
        self.assertAlmostEqual(most[0x80], 0)
        self.assertAlmostEqual(most[0x40], 20)

    def test_several_instructions_of_a_block_that_is_executed_once(self):
        lines = [("start", "LDC R1, c[0x0][0x28]"), ("load", "LDG R2, [R4]"), ("load", "LDG R3, [R4]"), ("load", "@P0 BRA 0x10"), ("end", "EXIT")]
        self.assertEqual(self.issued(lines, Fact("load", "LDG", 6, once=True)), [20, 20])
        self.assertEqual(self.issued(lines, Fact("load", "LDG", 6)), [11, 11])

    def test_an_unconditional_branch_a_predicated_end_and_one_that_is_never_taken(self):
        lines = [("", "@P0 EXIT"), ("", "BRA.DIV UR4, 0x40"), ("", "BRA 0x50"), ("", "FADD R1, R1, R1"), ("", "FADD R1, R1, R1"), ("", "EXIT")]
        self.assertEqual(self.issued(lines), [1, 4])

    def test_a_loop_that_nothing_bounds(self):
        with self.assertRaisesRegex(ValueError, "nothing bounds the loop at 0x10, line 'sample'"):
            self.issued(CELLS, FIVE_CELLS)

    def test_a_loop_that_may_not_be_entered_at_all(self):
        """Ten turns could be many in a tenth of the runs and none in the others, unless an entry is known to have ten."""
        lines = [("start", "@P0 EXIT"), ("sample", "BAR.SYNC.DEFER_BLOCKING 0x0"), ("sample", "@P1 BRA 0x10"), ("end", "EXIT")]
        self.assertEqual(self.issued(lines, Fact("sample", "BAR", 10, turns=10)), [22, 22])
        with self.assertRaisesRegex(ValueError, "nothing bounds the loop at 0x10"):
            self.issued(lines, Fact("sample", "BAR", 10))

    def test_facts_that_cannot_be(self):
        for facts in ((SAMPLES, Fact("end", "EXIT", 2)), (SAMPLES, Fact("some", "STG", 11)), (SAMPLES, Fact("sample", "BAR", 9))):
            with self.assertRaisesRegex(ValueError, "contradict"):
                self.issued(CELLS, FIVE_CELLS, *facts)

    def test_a_line_that_is_not_there(self):
        with self.assertRaisesRegex(ValueError, "found no BAR of the line 'other'"):
            self.issued(CELLS, Fact("other", "BAR", 1))

    def test_what_is_not_followed(self):
        with self.assertRaisesRegex(ValueError, "CALL"):
            self.issued([("", "CALL.REL.NOINC 0x20"), ("", "EXIT"), ("", "RET.REL.NODEC R2")])
        with self.assertRaisesRegex(ValueError, "BRX"):
            self.issued([("", "BRX R2 -0x10"), ("", "EXIT")])
        with self.assertRaisesRegex(ValueError, "RET"):
            self.issued([("", "FADD R1, R1, R1"), ("", "RET.REL.NODEC R2")])

    def test_a_call_that_is_known_not_to_be_made(self):
        lines = [("", "FCHK P0, R1, R2"), ("", "@!P0 BRA 0x40"), ("divide", "MOV R5, 0x40"), ("divide", "CALL.REL.NOINC 0x50"), ("", "EXIT"),
                 ("", "FADD R1, R1, R1"), ("", "RET.REL.NODEC R2")]
        self.assertEqual(self.issued(lines, Fact("divide", "CALL", 0)), [3, 3])
        with self.assertRaisesRegex(ValueError, "CALL"):
            self.issued(lines)

    def test_a_run_and_its_limit(self):
        run = audit.Run((SAMPLES, FIVE_CELLS, Fact("some", "STG", 10)), units=10, unit="sample", floor=32)
        row = audit.audit(audit.Code("kernel", of_lines(CELLS)), audit.Kernel(threads=32, run=run))["run"]
        self.assertAlmostEqual(row["fewest"], 16.2)
        self.assertAlmostEqual(row["counts"]["LDS"], 5)
        self.assertEqual((row["limit"], round(row["clocks"], 6)), ("lsu", 24))  # six at four clocks, more than 16.2 to issue
        self.assertAlmostEqual(row["share_of_floor"], 24 / 32)


class Occupancy(unittest.TestCase):
    def test_each_limit(self):
        self.assertEqual(audit.occupancy(128, 256, 50176), 2)  # registers: 16 warps
        self.assertEqual(audit.occupancy(129, 256, 1024), 1)  # 136 registers a thread: 12 warps
        self.assertEqual(audit.occupancy(32, 256, 100 * 1024), 2)  # shared memory
        self.assertEqual(audit.occupancy(32, 256, 0), 8)  # 64 warps
        self.assertEqual(audit.occupancy(16, 32, 0), 32)  # blocks


class Reading(unittest.TestCase):
    def test_resources(self):
        text = "Resource usage:\n Common:\n  GLOBAL:0\n Function one:\n  REG:139 STACK:8 SHARED:1024 LOCAL:4 CONSTANT[0]:400 TEXTURE:0\n"
        self.assertEqual(audit.parse_resources(text)["one"] | {}, {"REG": 139, "STACK": 8, "SHARED": 1024, "LOCAL": 4, "TEXTURE": 0})

    def test_launch_bounds(self):
        text = (".nv.info.one\n\t<0x1>\n\tAttribute:\tEIATTR_REGCOUNT\n\tValue:\t0x1 0x2 0x3\n\tAttribute:\tEIATTR_MAX_THREADS\n"
                "\tFormat:\tEIFMT_SVAL\n\tValue:\t0x100 0x1 0x1 \n\tValue:\t0x5 0x1 0x1\n.nv.info.two\n\tValue:\t0x9 0x1 0x1\n")
        self.assertEqual(audit.parse_most_threads(text), {"one": 256})

    def test_source_lines(self):
        text = (".text.one:\n\t//## File \"/a.cu\", line 7 inlined at \"/b.cu\", line 9\n\t//## File \"/b.cu\", line 9\n"
                "        /*0000*/                   MOV R1, R2 ;\n        /*0010*/                   NOP ;\n\t//## File \"/b.cu\", line 3\n"
                "        /*0020*/                   EXIT ;\n")
        inlined = (("/a.cu", 7), ("/b.cu", 9))
        self.assertEqual(audit.parse_lines(text), {"one": {0x00: inlined, 0x10: inlined, 0x20: (("/b.cu", 3),)}})

    def test_a_constant_of_the_source(self):
        self.assertGreater(audit.WALK["float"], 2 * 64 * 128 * 4)  # the two tiles alone
        with self.assertRaisesRegex(ValueError, "0 times in along_path.cu"):
            audit.constant("along_path.cu", r"sizeof\(Nothing\) == (\d+)")

    def test_short_names(self):
        for long, short in {
            "void alignment::kernels::cuda::(anonymous namespace)::cost_kernel<1>(float const*, long)": "cost_kernel<1>",
            "void a::warp_kernel<16, true>(float const*)": "warp_kernel<16, true>",
            "a::(anonymous namespace)::pack_parameters_kernel(float const*, float*)": "pack_parameters_kernel",
            "void a::(anonymous namespace)::pack_kernel<a::Half>(a::Half const*)": "pack_kernel<a::Half>",
            "plain": "plain",
        }.items():
            self.assertEqual(audit.short_name(long), short)


if __name__ == "__main__":
    unittest.main()
