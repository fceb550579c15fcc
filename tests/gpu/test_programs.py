"""The programs of a CUDA build on a machine without a GPU, or one whose GPUs are hidden: they start, and compute on the CPU."""

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end"))

import support  # noqa: E402

PROGRAMS = ["dejavid_dist", "dejavid_bench", "dejavid_convert"]


def linked(program):
    """{name of a shared library: the file that the loader takes}."""
    text = subprocess.run(["ldd", str(support.BIN / program)], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^\s*(\S+) => (.*?)(?: \(0x[0-9a-f]+\))?$", text, re.MULTILINE))


class Linking(unittest.TestCase):
    def test_every_library_is_found(self):
        for program in [*PROGRAMS, "dejavid_encode", "lrprop_dist"]:
            with self.subTest(program=program):
                self.assertNotIn("not found", linked(program).values())

    def test_neither_the_driver_nor_the_gpu_part_of_libtorch_is_needed(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.assertFalse({"libcuda.so.1", "libtorch_cuda.so", "libc10_cuda.so"} & set(linked(program)))

    def test_nccl_is_the_one_of_libtorch(self):
        own = list((support.SOURCE / ".venv").glob("lib/python3*/site-packages/nvidia/nccl/lib/libnccl.so.2"))
        nccl = linked("dejavid_dist").get("libnccl.so.2")
        self.assertIsNotNone(nccl)
        if own:
            self.assertEqual(Path(nccl).resolve(), own[0].resolve())


class WithoutGpu(support.ProgramTest):
    def setUp(self):
        super().setUp()
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self.addCleanup(lambda: os.environ.pop("CUDA_VISIBLE_DEVICES") if hidden is None
                        else os.environ.update(CUDA_VISIBLE_DEVICES=hidden))

    def test_programs_start(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                self.succeed([program, "--help"])

    def test_auto_trains_on_the_cpu_and_says_so(self):
        store = support.write_store(self.folder / "store.h5", support.make_set())
        for ranks in (None, 2):
            with self.subTest(ranks=ranks):
                finished = self.succeed(["dejavid_dist", "train", "--data.store", store, "--run.dir", self.folder / f"run{ranks}",
                                         "--train.epochs", 1, "--run.progress", "off"], ranks)
                self.assertEqual(len(re.findall(r"no GPU found .*: computing on the CPU", finished.stdout + finished.stderr)), 1, finished)

    def test_cuda_is_refused(self):
        store = support.write_store(self.folder / "store.h5", support.make_set())
        finished = support.run(["dejavid_dist", "train", "--data.store", store, "--run.dir", self.folder / "run", "--dist.device", "cuda"])
        self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
        self.assertIn("no GPU", finished.errors[0])
        self.assertFalse((self.folder / "run").exists())


if __name__ == "__main__":
    unittest.main()
