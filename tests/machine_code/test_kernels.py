"""The machine code of the CUDA kernels as built: nothing spilled, and hot loops and whole runs within the limits that they were built for."""

import os
import unittest

import audit

LIBRARY = os.environ.get("DEJAVID_CUDA_LIBRARY", "")
COST_SHARE = 0.92  # useful of the issued instructions of the cost kernels' hot loops, the loop around it included
HALF_COST_SHARE = {1: 0.79, 2: 0.87}  # by panels of a block
# Clocks of a scheduler for an element update at most, by limit. The path search in f32 needs two to issue.
COST_LIMITS = {
    "cost_kernel<1>": {"issue": 2.17, "register banks": 2.95, "fma": 2.02, "alu": 0.2, "lsu": 0.5},
    "cost_kernel<2>": {"issue": 2.17, "register banks": 2.90, "fma": 2.02, "alu": 0.2, "lsu": 0.5},
    "quantized_cost_kernel<1>": {"issue": 0.545, "register banks": 0.82, "fma heavy": 0.52, "alu": 0.53, "lsu": 0.12},
    "quantized_cost_kernel<2>": {"issue": 0.545, "register banks": 0.82, "fma heavy": 0.52, "alu": 0.53, "lsu": 0.12},
    "half_cost_kernel<1>": {"issue": 0.83, "register banks": 0.88, "half": 0.27, "tensor": 0.95, "tensor and alu": 1.66, "lsu": 0.16},
    "half_cost_kernel<2>": {"issue": 0.75, "register banks": 0.79, "half": 0.27, "tensor": 0.95, "tensor and alu": 1.57, "lsu": 0.11},
}
# The same of the loops over cells along paths: pairs of them, in f16 fours.
PAIR_LIMITS = {
    "distance_kernel<float>": {"issue": 2.8, "register banks": 3.9, "fma": 2.1, "lsu": 1.01},
    "distance_kernel<__half>": {"issue": 2.8, "register banks": 3.9, "fma": 2.1, "lsu": 1.01},
    **{f"gradient_kernel<{audit.TIE_SIGNS[0]}, {feature}>": {"issue": 4.8, "register banks": 6.2, "fma": 4.1, "lsu": 1.01} for feature in audit.WALK},
    **{f"gradient_kernel<{audit.TIE_SIGNS[1]}, {feature}>": {"issue": 3.8, "register banks": 5.3, "alu": 3.0, "lsu": 1.01} for feature in audit.WALK},
    "half_distance_kernel": {"issue": 1.3, "register banks": 1.5, "half": 1.01, "lsu": 0.51},
    "half_gradient_kernel": {"issue": 2.75, "register banks": 3.3, "half": 2.01, "lsu": 1.35},  # of narrow slices too
}
# Instructions of a warp for a sample of Kinetics-400, at most.
WHOLE = {
    "distance_kernel<float>": 620, "distance_kernel<__half>": 650,
    **{f"gradient_kernel<{audit.TIE_SIGNS[0]}, {feature}>": most for feature, most in {"float": 975, "__half": 1015}.items()},
    **{f"gradient_kernel<{audit.TIE_SIGNS[1]}, {feature}>": most for feature, most in {"float": 870, "__half": 910}.items()},
}

# Bytes of the stack at most, where registers run out: in sm_80, which has no bulk copies, a few.
SPILLED = {("sm_80", "half_distance_kernel"): 24}


class Kernels(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = {architecture: audit.rows_of(LIBRARY, architecture) for architecture in ("sm_80", "sm_90")}
        print("\n" + audit.markdown(cls.rows["sm_90"]))

    def test_both_architectures_have_the_same_kernels(self):
        names = {architecture: [row["kernel"] for row in rows] for architecture, rows in self.rows.items()}
        self.assertEqual(names["sm_80"], names["sm_90"])
        self.assertTrue(set(audit.KERNELS) <= set(names["sm_90"]), f"found {names['sm_90']}, expected {sorted(audit.KERNELS)} among them")

    def test_no_kernel_spills_or_uses_local_memory(self):
        self.assertGreater(len(self.rows["sm_90"]), len(audit.KERNELS))  # all kernels, whether the audit knows more of them or not
        for architecture, rows in self.rows.items():
            for row in rows:
                with self.subTest(architecture=architecture, kernel=row["kernel"]):
                    most = SPILLED.get((architecture, row["kernel"]), 0)
                    self.assertLessEqual(row["stack"], most)
                    self.assertTrue(most or (row["local"], row["local_instructions"]) == (0, 0))

    def test_blocks_are_as_large_as_the_audit_believes(self):
        checked = [row for row in self.rows["sm_90"] if "threads" in row and row["most_threads"]]
        self.assertTrue(checked)
        for row in checked:
            with self.subTest(kernel=row["kernel"]):
                self.assertEqual(row["threads"], row["most_threads"])

    def test_every_started_block_fits_an_sm(self):
        for row in self.rows["sm_90"]:
            if "blocks_of_sm" in row:
                with self.subTest(kernel=row["kernel"]):
                    self.assertGreaterEqual(row["blocks_of_sm"], 1)

    def rows_named(self, names):
        """Rows of sm_90 by name, all of them there."""
        found = {row["kernel"]: row for row in self.rows["sm_90"] if row["kernel"] in names}
        self.assertEqual(sorted(found), sorted(names))
        return found

    def check_limits(self, clocks, limits):
        for limit, most in limits.items():
            self.assertLessEqual(clocks[limit], most, limit)
        self.assertIn(audit.limit_of(clocks), limits)  # what takes longest has a bound

    def test_the_cost_kernels_keep_within_their_limits(self):
        for name, row in self.rows_named(COST_LIMITS).items():
            with self.subTest(kernel=name):
                self.assertEqual(row["turns"], int(row["turns"]))
                self.check_limits(row["busy_of_update"], COST_LIMITS[name])

    def test_the_loops_along_paths_keep_within_their_limits(self):
        for name, row in self.rows_named(PAIR_LIMITS).items():
            with self.subTest(kernel=name):
                self.check_limits(row["busy_of_update"], PAIR_LIMITS[name])

    def test_the_cost_kernel_is_arithmetic(self):
        for name, row in self.rows_named(("cost_kernel<1>", "cost_kernel<2>")).items():
            with self.subTest(kernel=name):
                self.assertEqual(row["counts"]["FADD"], row["counts"]["FFMA"])  # |.| costs no instruction of its own
                self.assertGreaterEqual(row["arithmetic_share"], COST_SHARE)
                self.assertGreaterEqual(row["share_with_outer_loop"], COST_SHARE)
                # 128 bytes a clock are there for the 64 updates that the fp32 pipes can do in it
                self.assertLess(row["shared_bytes_of_update"], 2.0)

    def test_the_cost_kernel_in_bytes(self):
        """One instruction for the difference of four elements, one for their products: a quarter of what f32 takes."""
        for name, row in self.rows_named(("quantized_cost_kernel<1>", "quantized_cost_kernel<2>")).items():
            with self.subTest(kernel=name):
                self.assertEqual(row["counts"]["bytes"], 2 * 64 * 8)  # 64 sums, unrolled 8 times
                self.assertGreaterEqual(row["arithmetic_share"], COST_SHARE)
                self.assertGreaterEqual(row["share_with_outer_loop"], COST_SHARE)
                self.assertLess(row["shared_bytes_of_update"], 0.5)

    def test_the_cost_kernel_in_f16(self):
        """Of a matrix of 16 x 16 elements, four instructions for two each make the operand that one HMMA sums; one more for eight rows."""
        for panels in (1, 2):
            (row,) = self.rows_named((f"half_cost_kernel<{panels}>",)).values()
            with self.subTest(panels=panels):
                self.assertEqual(row["counts"]["tensor"], 2 * 4 * panels * 9)  # groups of eight rows x 16 columns x (rows and their -um)
                self.assertEqual(row["counts"]["f16"], 2 * (4 * panels * 8 * 4 + 2))
                self.assertGreaterEqual(row["arithmetic_share"], HALF_COST_SHARE[panels])
                self.assertEqual(row["limit"], "tensor and alu")
                self.assertLess(row["shared_bytes_of_update"], 0.5)
                self.assertGreaterEqual(row["warps_of_sm"], 12)

    def test_whole_runs_are_counted_and_leave_little_open(self):
        runs = {row["kernel"]: row["run"] for row in self.rows["sm_90"] if "run" in row}
        self.assertEqual(set(runs), {name for name, kernel in audit.KERNELS.items() if kernel.run})
        self.assertEqual(set(runs), set(WHOLE))
        for kernel, run in runs.items():
            with self.subTest(kernel=kernel):
                self.assertLess(run["most"] / run["fewest"], 1.015)
                self.assertLess(run["most"], WHOLE[kernel])
                self.assertGreater(run["fewest"], 0.9 * WHOLE[kernel])  # nothing is left out of the count

    def test_every_instruction_has_a_class(self):
        for rows in self.rows.values():
            for row in rows:
                with self.subTest(kernel=row["kernel"]):
                    self.assertEqual(row["other_instructions"], [])

    def test_the_roof_is_arithmetic_and_all_of_it(self):
        (roof,) = [row for row in self.rows["sm_90"] if row["kernel"] == "roof_kernel"]
        self.assertGreaterEqual(roof["arithmetic_share"], 0.95)
        self.assertEqual((roof["counts"]["FADD"] + roof["counts"]["FFMA"]) % (2 * 64), 0)  # two for each of the 64 elements of a round


if __name__ == "__main__":
    unittest.main()
