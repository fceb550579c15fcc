"""launch/device_check.sh with stand-ins for the GPU and the programs: what it runs, leaves behind and answers."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "launch" / "device_check.sh"
TRAIN = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in --run.dir) folder=$2 ;; --dist.backend) backend=$2 ;; esac; shift; done
[ -n "$folder" ] || exit 0
mkdir -p "$folder"
echo '{"event": "step", "loss": 2.0}' > "$folder/metrics.jsonl"
echo "{\\"event\\": \\"step\\", \\"loss\\": $([ "$backend" = mpi ] && echo MPI_LOSS || echo 1.0)}" >> "$folder/metrics.jsonl"
"""
BENCH = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in --json) echo '{"measured": 1}' > "$2" ;; esac; shift; done
"""


class DeviceCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.tools, self.build, self.output = (self.folder / name for name in ("tools", "build", "output"))
        self.program("tools/nvidia-smi", "#!/bin/sh\necho A GPU\n")
        self.program("tools/mpirun", '#!/bin/sh\nshift 2\nexec "$@"\n')
        self.program("tools/compute-sanitizer", '#!/bin/sh\necho "$@"\n')
        self.program("build/bin/dejavid_dist", TRAIN.replace("MPI_LOSS", "1.000001"))
        self.program("build/bin/dejavid_bench", BENCH)
        self.program("build/bin/dejavid_convert", "#!/bin/sh\n")
        self.program("build/tests/cuda_kernels_test", "#!/bin/sh\necho '[  PASSED  ] 3 tests.'\n")

    def program(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def check(self, *arguments):
        environment = os.environ | {"PATH": f"{self.tools}:/usr/bin:/bin"}
        return subprocess.run([str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False)

    def outcomes(self):
        return {record["part"]: record["outcome"] for record in json.loads((self.output / "summary.json").read_text())}

    def test_every_part_leaves_a_log_and_a_json(self):
        result = self.check("--build", str(self.build), str(self.output))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(set(self.outcomes().values()), {"passed"})
        for part in self.outcomes():
            self.assertTrue((self.output / f"{part}.log").exists())
            json.loads((self.output / f"{part}.json").read_text())
        self.assertEqual(json.loads((self.output / "kernels_k400.json").read_text()), {"measured": 1})
        self.assertIn("--tool racecheck", (self.output / "racecheck.log").read_text())
        self.assertAlmostEqual(json.loads((self.output / "same_losses.json").read_text())["largest_relative_difference"], 1e-6)

    def test_a_failed_part_does_not_stop_the_others(self):
        self.program("build/bin/dejavid_bench", "#!/bin/sh\nexit 3\n")
        result = self.check("--build", str(self.build), str(self.output))
        self.assertEqual(result.returncode, 1)
        self.assertEqual([part for part, outcome in self.outcomes().items() if outcome == "failed"],
                         ["kernels_hmdb51", "kernels_k400", "train_hmdb51", "train_k400"])
        self.assertEqual(self.outcomes()["same_losses"], "passed")
        self.assertEqual(json.loads((self.output / "train_k400.json").read_text())["exit_code"], 3)

    def test_losses_that_differ_fail(self):
        self.program("build/bin/dejavid_dist", TRAIN.replace("MPI_LOSS", "1.01"))
        self.assertEqual(self.check("--build", str(self.build), "--part", "same_losses", str(self.output)).returncode, 1)
        self.assertEqual(self.outcomes(), {"same_losses": "failed"})

    def test_skipped_tests_fail_where_there_is_a_gpu(self):
        self.program("build/tests/cuda_kernels_test", "#!/bin/sh\necho '[  PASSED  ] 0 tests.'\necho '[  SKIPPED ] 3 tests'\n")
        self.assertEqual(self.check("--build", str(self.build), "--part", "gpu_tests", str(self.output)).returncode, 1)

    def test_a_test_program_that_fails(self):
        self.program("build/tests/another_test", "#!/bin/sh\nexit 1\n")
        self.assertEqual(self.check("--build", str(self.build), "--part", "gpu_tests", str(self.output)).returncode, 1)

    @unittest.skipIf(os.access("/usr/local/cuda/bin/compute-sanitizer", os.X_OK), "this machine has a compute-sanitizer")
    def test_a_missing_tool_is_said_and_no_failure(self):
        (self.tools / "compute-sanitizer").unlink()
        result = self.check("--build", str(self.build), "--part", "memcheck", str(self.output))
        self.assertEqual((result.returncode, self.outcomes()), (0, {"memcheck": "left out"}), result.stdout)
        self.assertIn("no /usr/local/cuda/bin/compute-sanitizer", result.stdout)

    def test_no_gpu(self):
        self.program("tools/nvidia-smi", "#!/bin/sh\nexit 9\n")
        result = self.check("--build", str(self.build), str(self.output))
        self.assertEqual(result.returncode, 2)
        self.assertIn("no GPU found", result.stderr)
        self.assertFalse(self.output.exists())

    def test_wrong_arguments(self):
        for arguments in (["--part", "nothing"], ["--build"], ["--what"], ["--build", str(self.folder)]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.check(*arguments).returncode, 2)


if __name__ == "__main__":
    unittest.main()
