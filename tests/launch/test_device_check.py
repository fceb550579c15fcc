"""launch/device_check.sh with stand-ins for the GPU and the programs: what it runs, leaves behind and answers."""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
SCRIPT = LAUNCH / "device_check.sh"
sys.path.insert(0, str(LAUNCH))

import device_figures  # noqa: E402

TRAIN = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in --run.dir) folder=$2 ;; --dist.backend) backend=$2 ;; esac; shift; done
[ -n "$folder" ] || exit 0
mkdir -p "$folder"
echo '{"event": "step", "loss": 2.0}' > "$folder/metrics.jsonl"
echo "{\\"event\\": \\"step\\", \\"loss\\": $([ "$backend" = mpi ] && echo MPI_LOSS || echo 1.0)}" >> "$folder/metrics.jsonl"
"""
BENCH = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in --json) echo '{"records": [{"name": "train", "seconds": 1.5, "gelem_per_s": 10, "spread": 0.01,
  "shape": {"C": 400}, "samples_per_s": 80145.33, "share_of_roof": 0.5, "roof_gelem_per_s": 20}]}' > "$2" ;; esac; shift; done
"""
CONVERT = """#!/bin/sh
while [ $# -gt 0 ]; do case "$1" in --out) echo "$1" > "$2" ;; esac; shift; done
"""
TESTS = """#!/bin/sh
case "$GTEST_OUTPUT" in json:*)
  mkdir -p "$(dirname "${GTEST_OUTPUT#json:}")"
  echo '{"testsuites": [{"name": "Kernels", "testsuite": [{"name": "Slow", "result": "COMPLETED", "time": "9s"},
    {"name": "Quick", "result": "COMPLETED", "time": "0.01s"}, {"name": "Left", "result": "SKIPPED", "time": "0s"}]}]}' > "${GTEST_OUTPUT#json:}" ;;
esac
echo '[  PASSED  ] 3 tests.'
"""
# The GPU's state for `-lms`, else its name.
NVIDIA_SMI = """#!/bin/sh
case "$*" in *-lms*)
  while sleep 0.1; do echo "$(date '+%Y/%m/%d %H:%M:%S').123, 1980, 3201, 650.5, 60, 99, 0x0000000000000004"; done ;;
esac
echo A GPU
"""
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m unittest") echo "Ran 4 tests" ;;
  "-c import h5py, numpy" | "-c import h5py, torch") ;;
  *export_encoder.py* | *--compare-features) ;;
  *) exec PYTHON "$@" ;;
esac
"""


class DeviceCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.tools, self.build, self.output = (self.folder / name for name in ("tools", "build", "output"))
        self.program("tools/nvidia-smi", NVIDIA_SMI)
        self.program("tools/ncu", '#!/bin/sh\necho "$@"\n')
        self.program("tools/python", PYTHON.replace("PYTHON", sys.executable))
        self.program("tools/mpirun", '#!/bin/sh\nshift 2\nexec "$@"\n')
        self.program("tools/compute-sanitizer", '#!/bin/sh\necho "$@"\n')
        self.program("build/bin/dejavid_dist", TRAIN.replace("MPI_LOSS", "1.000001"))
        self.program("build/bin/lrprop_dist", TRAIN.replace("MPI_LOSS", "1.000001"))
        self.program("build/bin/dejavid_encode", "#!/bin/sh\n")
        self.program("build/bin/dejavid_bench", BENCH)
        self.program("build/bin/dejavid_convert", CONVERT)
        for name in ("cuda_kernels_test", "device_communicator_test"):
            self.program(f"build/tests/{name}", TESTS)

    def program(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)

    def check(self, *arguments):
        environment = os.environ | {"PATH": f"{self.tools}:/usr/bin:/bin", "DEVICE_PYTHON": str(self.tools / "python")}
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
        self.assertEqual(json.loads((self.output / "kernels_k400.json").read_text())["records"][0]["seconds"], 1.5)
        self.assertIn("--tool racecheck", (self.output / "racecheck.log").read_text())
        self.assertAlmostEqual(json.loads((self.output / "same_losses.json").read_text())["largest_relative_difference"], 1e-6)

    def test_a_failed_part_does_not_stop_the_others(self):
        self.program("build/bin/dejavid_bench", "#!/bin/sh\n[ $1 = --help ] || exit 3\n")
        result = self.check("--build", str(self.build), str(self.output))
        self.assertEqual(result.returncode, 1)
        self.assertEqual([part for part, outcome in self.outcomes().items() if outcome == "failed"],
                         [part for part in self.outcomes() if part.startswith(("kernels_", "train_"))])
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
    def test_a_missing_tool_is_said_and_neither_a_failure_nor_passed(self):
        (self.tools / "compute-sanitizer").unlink()
        result = self.check("--build", str(self.build), "--part", "memcheck", "--part", "doctor", str(self.output))
        self.assertEqual((result.returncode, self.outcomes()), (3, {"memcheck": "left out", "doctor": "passed"}), result.stdout)
        self.assertIn("no compute-sanitizer", result.stdout)

    def test_a_gpu_that_no_sanitizer_or_profiler_supports(self):
        self.program("tools/compute-sanitizer", "#!/bin/sh\necho '========= Error: Device not supported'\nexit 1\n")
        self.program("tools/ncu", "#!/bin/sh\necho '==ERROR== ERR_NVGPUCTRPERM'\nexit 1\n")
        result = self.check("--build", str(self.build), "--part", "racecheck", "--part", "ncu", str(self.output))
        self.assertEqual((result.returncode, set(self.outcomes().values())), (3, {"left out"}), result.stdout)

    def test_a_sanitizer_that_finds_something(self):
        self.program("tools/compute-sanitizer", "#!/bin/sh\necho '========= Race reported'\nexit 1\n")
        self.assertEqual(self.check("--build", str(self.build), "--part", "racecheck", str(self.output)).returncode, 1)

    def test_a_precision_that_the_build_does_not_know_is_left_out_but_the_default_fails(self):
        self.program("build/bin/dejavid_bench", "#!/bin/sh\nexit 2\n")
        result = self.check("--build", str(self.build), "--part", "train_k400_i8_gradient_f16", str(self.output))
        self.assertEqual((result.returncode, self.outcomes()), (3, {"train_k400_i8_gradient_f16": "left out"}))
        self.assertIn("refused by this build: --path-precision i8 --gradient-precision f16", result.stdout)
        self.assertEqual(self.check("--build", str(self.build), "--part", "train_k400", str(self.output)).returncode, 1)

    def test_failed_outweighs_left_out(self):
        self.program("tools/ncu", "#!/bin/sh\necho '==ERROR== ERR_NVGPUCTRPERM'\n")
        self.program("build/bin/dejavid_dist", "#!/bin/sh\nexit 1\n")
        self.assertEqual(self.check("--build", str(self.build), "--part", "ncu", "--part", "doctor", str(self.output)).returncode, 1)

    def test_a_late_part_is_ended_with_all_its_processes(self):
        self.program("build/bin/dejavid_dist", f"#!/bin/sh\nsetsid sleep 0.01\n(trap '' TERM; echo $$; sleep 987) & echo $! > {self.folder}/child\nsleep 987\n")
        started = time.monotonic()
        result = self.check("--build", str(self.build), "--seconds", "16", "--part", "doctor", str(self.output))
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual((result.returncode, self.outcomes()), (1, {"doctor": "late"}), result.stdout)
        child = Path("/proc") / (self.folder / "child").read_text().strip()
        self.assertFalse(child.exists() and (child / "stat").read_text().rpartition(")")[2].split()[0] != "Z")

    def test_a_part_without_enough_time_is_left_out(self):
        result = self.check("--build", str(self.build), "--seconds", "12", "--part", "start", "--part", "gpu_tests", str(self.output))
        self.assertEqual((result.returncode, self.outcomes()), (3, {"start": "passed", "gpu_tests": "left out"}), result.stdout)
        self.assertIn("s left, 30 needed", result.stdout)

    def test_in_a_hurry_sanitizers_run_the_quickest_tests(self):
        for arguments, found in ((["--seconds", "200"], "--gtest_filter=Kernels.Quick-CudaHalf"), ([], "--gtest_filter=*-CudaHalf")):
            with self.subTest(arguments=arguments):
                self.check("--build", str(self.build), *arguments, "--part", "gpu_tests", "--part", "racecheck", str(self.output))
                self.assertIn(found, (self.output / "racecheck.log").read_text())

    def test_figures_clocks_and_the_two_files_taken_along(self):
        self.program("build/bin/dejavid_dist", "#!/bin/sh\nsleep 2\n")
        pack = self.folder / "pack"
        result = self.check("--build", str(self.build), "--pack", str(pack), "--part", "train_k400", "--part", "doctor", str(self.output))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(sorted(file.name for file in pack.iterdir()), ["results.tar.gz", "summary.txt"])
        summary = (pack / "summary.txt").read_text()
        self.assertIn("epoch of K400: 3.00 s", summary)
        self.assertIn("0.500 of the roof 20", summary)
        self.assertRegex(summary, r"clocks of doctor +SM 1980..1980 MHz, median 1980; memory 3201 MHz; at most 650 W")
        with tarfile.open(pack / "results.tar.gz") as archive:
            self.assertLessEqual({f"output/{name}" for name in ("summary.json", "train_k400.json", "doctor.log", "clocks.csv", "nvidia-smi.txt")},
                                 set(archive.getnames()))

    def test_stopped_from_outside_it_leaves_what_it_had_and_no_process(self):
        self.program("build/bin/dejavid_dist", f"#!/bin/sh\ncase $1 in doctor) echo $$ > {self.folder}/child; sleep 987 ;; esac\n")
        pack = self.folder / "pack"
        environment = os.environ | {"PATH": f"{self.tools}:/usr/bin:/bin", "DEVICE_PYTHON": str(self.tools / "python")}
        with subprocess.Popen([str(SCRIPT), "--build", str(self.build), "--pack", str(pack), "--part", "gpu_tests", "--part", "doctor", str(self.output)],
                              env=environment, stdout=subprocess.DEVNULL) as process:
            until = time.monotonic() + 60
            while not (self.folder / "child").exists() and time.monotonic() < until:
                time.sleep(0.05)
            process.terminate()
            self.assertEqual(process.wait(30), 143)
        self.assertIn("passed    gpu_tests", (pack / "summary.txt").read_text())
        child = Path("/proc") / (self.folder / "child").read_text().strip()
        self.assertFalse(child.exists() and (child / "stat").read_text().rpartition(")")[2].split()[0] != "Z")

    def test_no_gpu(self):
        self.program("tools/nvidia-smi", "#!/bin/sh\nexit 9\n")
        result = self.check(str(self.output))
        self.assertEqual(result.returncode, 2)
        self.assertIn("no GPU found", result.stderr)
        self.assertFalse(self.output.exists())
        result = self.check("--build", str(self.build), str(self.output))
        self.assertEqual(result.returncode, 2)
        self.assertEqual({part for part, outcome in self.outcomes().items() if outcome == "passed"}, {"start"})
        self.program("build/bin/dejavid_bench", "#!/bin/sh\nexit 127\n")
        self.assertEqual(self.check("--build", str(self.build), "--part", "start", str(self.output)).returncode, 1)

    def test_wrong_arguments(self):
        for arguments in (["--part", "nothing"], ["--build"], ["--what"], ["--seconds", "soon"], ["--build", str(self.folder)]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.check(*arguments).returncode, 2)


class Figures(unittest.TestCase):
    def test_the_longest_launch_of_each_kernel(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name) / "ncu.csv"
        file.write_text('==PROF== connected\n"ID","Kernel Name","gpu__time_duration.sum","launch__registers_per_thread"\n"","","us","register/thread"\n'
                        '"0","cost_kernel(float *)","12.5","128"\n"1","cost_kernel(float *)","1,012.5","128"\n"2","warp_kernel()","3","40"\n')
        self.assertEqual(device_figures.lines_of_counters(file),
                         ["ncu cost_kernel: time 1,012.5 us, registers 128", "ncu warp_kernel: time 3 us, registers 40"])

    def test_the_quickest_tests_add_up_to_the_time_given_and_one_at_least(self):
        tests = [{"name": name, "result": "COMPLETED", "time": seconds} for name, seconds in (("A", "2s"), ("B", "0.5s"), ("C", "1s"))]
        document = {"testsuites": [{"name": "S", "testsuite": tests}]}
        self.assertEqual([device_figures.quickest(document, seconds) for seconds in (0.1, 1.5, 9)], ["S.B", "S.B:S.C", "S.B:S.C:S.A"])


if __name__ == "__main__":
    unittest.main()
