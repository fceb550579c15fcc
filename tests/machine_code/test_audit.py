"""The reader of machine code on small pieces of it whose counts are plain to see."""

import unittest

import audit


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

    def test_tensor_cores(self):
        """A stage (0x10..0xa0) around a loop (0x20..0x80) of four elements that one HMMA sums."""
        lines = ["LDC R1, c[0x0][0x28]", "BAR.SYNC.DEFER_BLOCKING 0x0",
                 "LDSM.16.M88.4 R4, [R3]", "LDS.128 R12, [R2]", "HMNMX2 R8, R12, R4, !PT", "HFMA2.RELU R9, R5, 1, 1, -R13",
                 "HMUL2 R10, R14, -0.5, -0.5", "HMMA.16816.F32 R16, R8, R10, R16", "@P0 BRA 0x20",
                 "IADD3 R2, R2, 0x1, RZ", "@P1 BRA 0x10", "EXIT"]
        row = audit.audit(audit.Code("kernel", code(lines)), audit.Kernel(threads=32, updates_of_outer_turn=12, matrix=True))
        self.assertEqual((row["hot_loop"], row["issued"], row["counts"]["f16"], row["counts"]["matrix"]), ("0x20..0x80", 7, 3, 1))
        self.assertAlmostEqual(row["arithmetic_share"], 4 / 7)
        self.assertEqual((row["matrix_of_update"], row["turns"], row["shared_bytes_of_update"]), (1 / 4, 3, 8))
        self.assertAlmostEqual(row["share_with_outer_loop"], 12 / (10 + 2 * 7))
        self.assertAlmostEqual(row["issued_of_update"], 24 / 12)

    def test_local_memory_is_seen(self):
        spilled = ["STL [R1], R4", *NESTED[:-2], "LDL.LU R4, [R1]", "EXIT"]
        self.assertEqual(audit.audit(audit.Code("kernel", code(spilled)))["local_instructions"], 2)
        self.assertEqual(audit.audit(audit.Code("kernel", code(NESTED)))["local_instructions"], 0)

    def test_an_unknown_instruction_is_other_and_uniform_ones_are_integer(self):
        self.assertEqual([audit.class_of(i) for i in code(["QQQ R1", "UIADD3 UR4, UR4, 0x1, URZ", "@UP0 ULEA UR4, UR4, UR5, 0x2"])],
                         ["other", "integer", "integer"])


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

    def test_short_names(self):
        for long, short in {
            "void dejavid::kernels::cuda::(anonymous namespace)::cost_kernel<1>(float const*, long)": "cost_kernel<1>",
            "void a::warp_kernel<16, true>(float const*)": "warp_kernel<16, true>",
            "a::(anonymous namespace)::pack_parameters_kernel(float const*, float*)": "pack_parameters_kernel",
            "void a::(anonymous namespace)::pack_kernel<a::Half>(a::Half const*)": "pack_kernel<a::Half>",
            "plain": "plain",
        }.items():
            self.assertEqual(audit.short_name(long), short)


if __name__ == "__main__":
    unittest.main()
