"""launch/device_bundle.sh on a build of stand-in programs, and its run.sh in a root folder that has next to nothing."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
# Everything that a program of a CUDA build does here; under mpirun it is an MPI program.
PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
int main(int count, char** words) {
  for (int k = 1; k < count; ++k) {
    if (!strcmp(words[k], "--gradient-precision")) return 2;
    if (k + 1 == count) continue;
    FILE* file = NULL;
    char name[4096];
    if (!strcmp(words[k], "--json")) fputs("{\"measured\": 1}\n", file = fopen(words[k + 1], "w"));
    if (!strcmp(words[k], "--out")) file = fopen(words[k + 1], "w");
    if (!strcmp(words[k], "--run.dir")) {
      mkdir(words[k + 1], 0777);
      snprintf(name, sizeof name, "%s/metrics.jsonl", words[k + 1]);
      fputs("{\"event\": \"step\", \"loss\": 2.0}\n", file = fopen(name, "w"));
    }
    if (file) fclose(file);
  }
  if (getenv("OMPI_COMM_WORLD_SIZE")) {
    int size = 0;
    MPI_Init(&count, &words);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    printf("one of %d ranks\n", size);
    MPI_Finalize();
  }
  puts("[  PASSED  ] 3 tests.");
  return 0;
}
"""
TOOLS = """basename bash cat cp cut date df dirname grep gzip head ldd mkdir mktemp mv nproc rm sed setsid sh sleep stat stdbuf tail tar tee
timeout tr uname wc xz""".split()


def shared_libraries(file):
    text = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False).stdout
    return [word for line in text.splitlines() for word in line.split() if word.startswith("/")]


def may_make_an_empty_root():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False).returncode == 0


class Bundle(unittest.TestCase):
    @classmethod
    def make(cls):
        missing = [tool for tool in ("patchelf", "xz", "mpicc", "ompi_info", "orted") if not shutil.which(tool)]
        if missing:
            raise unittest.SkipTest(f"found no {' '.join(missing)}; launch/install.sh --cuda installs what a bundle is made with")
        folder = tempfile.TemporaryDirectory()
        unittest.addModuleCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.build, cls.target = cls.folder / "build", cls.folder / "bundle"
        (cls.folder / "program.c").write_text(PROGRAM)
        names = [f"bin/{name}" for name in ("dejavid_dist", "dejavid_bench", "dejavid_convert", "dejavid_encode", "lrprop_dist")]
        names += ["tests/cuda_kernels_test", "tests/device_communicator_test"]
        for name in names:
            (cls.build / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mpicc", "-o", str(cls.build / names[0]), str(cls.folder / "program.c")], check=True)
        for name in names[1:]:
            shutil.copy(cls.build / names[0], cls.build / name)
        (cls.build / "tests" / "CTestTestfile.cmake").write_text("")
        cls.made = cls.bundle(cls.target)

    @classmethod
    def bundle(cls, target, *arguments):
        return subprocess.run([str(SOURCE / "launch" / "device_bundle.sh"), "--build", str(cls.build), *arguments, str(target)],
                              capture_output=True, text=True, check=False)

    def test_one_archive_one_script_and_what_is_in_it(self):
        self.assertEqual(self.made.returncode, 0, self.made.stdout + self.made.stderr)
        self.assertEqual(sorted(file.name for file in self.target.iterdir()), ["CONTENTS", "bundle.tar.xz", "run.sh"])
        with tarfile.open(self.target / "bundle.tar.xz") as archive:
            names = set(archive.getnames())
        expected = ["build/bin/dejavid_dist", "build/tests/cuda_kernels_test", "launch/device_check.sh", "mpi/bin/mpirun", "mpi/bin/orted"]
        self.assertLessEqual({f"./{name}" for name in expected}, names)
        self.assertNotIn("./build/tests/CTestTestfile.cmake", names)
        self.assertFalse([name for name in names if any(word in name for word in ("libc.so", "libcuda", "libtorch", "libnccl"))])
        self.assertTrue([name for name in names if name.startswith("./lib/libmpi.so")])

    def test_made_again_and_too_large(self):
        target = self.folder / "again"
        target.mkdir()
        (target / "bundle.tar.xz").write_text("of yesterday")
        made = self.bundle(target, "--limit", "1")
        self.assertEqual(made.returncode, 1, made.stderr)
        self.assertIn("more than 1 MiB", made.stderr)

    def test_another_folder_is_not_removed(self):
        target = self.folder / "mine"
        target.mkdir()
        (target / "work").write_text("precious")
        made = self.bundle(target)
        self.assertEqual((made.returncode, (target / "work").read_text()), (1, "precious"))

    def test_git_is_told_to_ignore_it(self):
        """In a copy of what the script reads, a checkout of its own."""
        checkout = self.folder / "checkout"
        for name in ("launch", "configs", "cmake", "tests/gpu", "tests/end_to_end"):
            shutil.copytree(SOURCE / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(SOURCE / "tests" / "jobs.py", checkout / "tests")
        subprocess.run(["git", "init", "-q", str(checkout)], check=True)
        made = subprocess.run([str(checkout / "launch" / "device_bundle.sh"), "--build", str(self.build)], capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        status = subprocess.run(["git", "-C", str(checkout), "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn(".device", status)

    def test_wrong_arguments(self):
        for arguments, code in ((["--what"], 2), (["--limit"], 2), (["--limit", "x"], 2), (["--build", str(self.folder)], 1)):
            with self.subTest(arguments=arguments):
                finished = subprocess.run([str(SOURCE / "launch" / "device_bundle.sh"), *arguments], capture_output=True, text=True, check=False)
                self.assertEqual(finished.returncode, code, finished.stderr)


def setUpModule():
    Bundle.make()


@unittest.skipUnless(may_make_an_empty_root(), "needs root and name spaces of its own to make an empty root folder")
class EmptyRoot(unittest.TestCase):
    """No MPI, no HDF5, no network, the loopback interface down: Python, a torch that is only a name, and a driver's nvidia-smi."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ("tmp", "proc", "dev", "sys", "usr/bin", "usr/lib", "lib64", "out", "torch/torch"):
            (self.root / name).mkdir(parents=True)
        (self.root / "bin").symlink_to("usr/bin")
        (self.root / "etc").mkdir()
        (self.root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        version = dict(line.split("=", 1) for line in (SOURCE / "cmake" / "versions.env").read_text().splitlines() if "=" in line)["TORCH_VERSION"]
        (self.root / "torch" / "torch" / "__init__.py").write_text("")
        information = self.root / "torch" / f"torch-{version}.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}+cu130\n")
        for tool in TOOLS:
            self.install(Path(shutil.which(tool)), f"usr/bin/{tool}")
        self.install(Path(os.path.realpath(sys.executable)), "usr/bin/python3")
        for module in Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("zlib.*.so"):
            self.install(module, str(module)[1:])
        stdbuf_library = next(Path("/usr").glob("lib*/**/coreutils/libstdbuf.so"), None)
        if stdbuf_library:
            self.install(stdbuf_library, str(stdbuf_library)[1:])
        shutil.copytree(Bundle.target, self.root / "bundle")

    def install(self, file, name):
        for source, target in [(file, name), *((Path(library), library[1:]) for library in shared_libraries(file))]:
            place = self.root / target
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)

    def give_a_gpu(self):
        script = self.root / "usr" / "bin" / "nvidia-smi"
        script.write_text('#!/bin/bash\ncase "$*" in *-lms*) exec sleep 1000 ;; esac\necho A GPU\n')
        script.chmod(0o755)

    def run_in_it(self, *arguments):
        library = sysconfig.get_path("stdlib")
        script = f"""set -e
mkdir -p {self.root}{library}
mount --bind {library} {self.root}{library}
mount -t proc proc {self.root}/proc
mount --bind /dev {self.root}/dev
mount -t sysfs sysfs {self.root}/sys
exec chroot {self.root} /bin/bash -c 'cd /tmp && exec bash /bundle/run.sh "$@"' run "$@"
"""
        return subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "bash", "-c", script, "run", *arguments],
                              env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "OUT": "/out", "PYTHONPATH": "/torch", "PYTHONHOME": sys.base_prefix},
                              capture_output=True, text=True, check=False, timeout=300)

    def results(self):
        with tarfile.open(self.root / "out" / "results.tar.gz") as archive:
            return {Path(name).name: archive.extractfile(name).read().decode() for name in archive.getnames() if archive.getmember(name).isfile()}

    def test_every_part_is_tried(self):
        self.give_a_gpu()
        finished = self.run_in_it("120")
        self.assertTrue((self.root / "out" / "results.tar.gz").exists(), finished.stdout + finished.stderr)
        files = self.results()
        outcomes = {record["part"]: record["outcome"] for record in json.loads(files["summary.json"])}
        for part in ("start", "doctor", "gpu_tests", "kernels_k400", "train_k400", "same_losses", "communicator"):
            self.assertEqual(outcomes.get(part), "passed", finished.stdout + files.get(f"{part}.log", ""))
        for part in ("train_k400_gradient_f16", "memcheck", "ncu"):
            self.assertEqual(outcomes[part], "left out")
        self.assertEqual(files["communicator.log"].count("one of 2 ranks"), 2)
        summary = (self.root / "out" / "summary.txt").read_text()
        self.assertIn("+cu130, built with", summary)
        self.assertNotIn("WARNING", summary)
        self.assertIn("loopback interface was down", summary)
        self.assertEqual(finished.returncode, 3, summary)
        self.assertEqual(sorted(file.name for file in (self.root / "out").iterdir()), ["results.tar.gz", "summary.txt"])
        self.assertEqual(list((self.root / "tmp").iterdir()), [])

    def test_without_a_gpu_only_whether_it_starts(self):
        finished = self.run_in_it("60", "start", "doctor")
        self.assertEqual(finished.returncode, 2, finished.stdout + finished.stderr)
        self.assertEqual([record["outcome"] for record in json.loads(self.results()["summary.json"])], ["passed", "left out"])


if __name__ == "__main__":
    unittest.main()
