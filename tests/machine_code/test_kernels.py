"""The machine code of the CUDA kernels as built: nothing spilled, and a cost kernel that does little beside its arithmetic."""

import os
import unittest

import audit

LIBRARY = os.environ.get("DEJAVID_CUDA_LIBRARY", "")
COST_SHARE = 0.92  # of the issued instructions of the cost kernel's hot loop, the loop around it included
COST_SHARE_WITH_CONFLICTS = 0.92  # the same, of the clocks that issue takes with conflicts of register banks
HALF_COST_SHARE = 0.88
MOST_OF_FLOOR = {"distance": 0.52, "gradient": 0.83}  # of the path search in f32, a sample of Kinetics-400


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
        for architecture, rows in self.rows.items():
            for row in rows:
                with self.subTest(architecture=architecture, kernel=row["kernel"]):
                    self.assertEqual((row["stack"], row["local"], row["local_instructions"]), (0, 0, 0))

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

    def test_the_cost_kernel_is_arithmetic(self):
        costs = [row for row in self.rows["sm_90"] if row["kernel"].startswith("cost_kernel")]
        self.assertTrue(costs)
        for row in costs:
            with self.subTest(kernel=row["kernel"]):
                self.assertEqual(row["counts"]["FADD"], row["counts"]["FFMA"])  # |.| costs no instruction of its own
                self.assertGreaterEqual(2 / row["busy_of_update"]["issue"], COST_SHARE_WITH_CONFLICTS)
                self.assertEqual(row["turns"], int(row["turns"]))
                self.assertGreaterEqual(row["arithmetic_share"], COST_SHARE)
                self.assertGreaterEqual(row["share_with_outer_loop"], COST_SHARE)
                # 128 bytes a clock are there for the 64 updates that the fp32 pipes can do in it
                self.assertLess(row["shared_bytes_of_update"], 2.0)

    def test_the_cost_kernel_in_bytes(self):
        """One instruction for the difference of four elements, one for their products: a quarter of what f32 takes."""
        costs = [row for row in self.rows["sm_90"] if row["kernel"].startswith("quantized_cost_kernel")]
        self.assertEqual(len(costs), 2)
        for row in costs:
            with self.subTest(kernel=row["kernel"]):
                self.assertEqual(row["counts"]["bytes"], 2 * 64 * 8)  # 64 sums, unrolled 8 times
                self.assertGreaterEqual(row["arithmetic_share"], COST_SHARE)
                self.assertGreaterEqual(row["share_with_outer_loop"], COST_SHARE)
                self.assertLess(row["issued_of_update"], 0.545)
                self.assertLess(row["shared_bytes_of_update"], 0.5)

    def test_the_cost_kernel_in_f16(self):
        costs = [row for row in self.rows["sm_90"] if row["kernel"].startswith("half_cost_kernel")]
        self.assertEqual(len(costs), 2)
        (plain,) = [row for row in self.rows["sm_90"] if row["kernel"] == "cost_kernel<2>"]
        for row in costs:
            with self.subTest(kernel=row["kernel"]):
                self.assertEqual(row["turns"], int(row["turns"]))
                self.assertGreaterEqual(row["arithmetic_share"], HALF_COST_SHARE)
                self.assertAlmostEqual(row["busy"]["half"] / row["busy"]["half .MMA"], 1, delta=0.2)  # both f16 pipes have as much to do
                self.assertLess(row["issued_of_update"], plain["issued_of_update"] / 1.7)
                self.assertLess(row["shared_bytes_of_update"], 1.1)
                self.assertGreaterEqual(row["warps_of_sm"], 12)

    def test_whole_runs_are_counted_and_leave_little_open(self):
        runs = {row["kernel"]: row["run"] for row in self.rows["sm_90"] if "run" in row}
        self.assertEqual(set(runs), {name for name, kernel in audit.KERNELS.items() if kernel.run})
        for kernel, run in runs.items():
            with self.subTest(kernel=kernel):
                self.assertLess(run["most"] / run["fewest"], 1.06)
                self.assertLess(run["share_of_floor"], MOST_OF_FLOOR[kernel.split("_")[0]])

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
