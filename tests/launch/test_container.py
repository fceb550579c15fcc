"""launch/dejavid.def: its sections are scripts that run, in a bare Debian root where this machine allows."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
DEFINITION = SOURCE / "launch" / "dejavid.def"
WANTED = os.environ.get("DEJAVID_TEST_CONTAINER") == "1"


def sections():
    """Name -> text of each section, and the header's keywords."""
    header, *parts = re.split(r"^%(\w+)\n", DEFINITION.read_text(encoding="utf-8"), flags=re.MULTILINE)
    keywords = dict(line.split(": ", 1) for line in header.splitlines() if line and not line.startswith("#"))
    return keywords, dict(zip(parts[::2], parts[1::2]))


class Definition(unittest.TestCase):
    def test_sections_are_those_of_apptainer(self):
        keywords, found = sections()
        self.assertEqual(keywords, {"Bootstrap": "docker", "From": "debian:12"})
        self.assertEqual(set(found), {"help", "setup", "post", "environment", "runscript", "test"})

    def test_scripts_parse(self):
        for name, script in sections()[1].items():
            if name != "help":
                subprocess.run(["sh", "-n"], input=script, text=True, check=True)

    def test_what_it_calls_is_there(self):
        post = sections()[1]["post"]
        called = re.findall(r"^\s*(launch/\S+)", post, flags=re.MULTILINE)
        self.assertEqual(called, ["launch/install.sh", "launch/build.sh"])
        for script in called:
            self.assertTrue(os.access(SOURCE / script, os.X_OK), script)
        self.assertIn("--encoder)", (SOURCE / "launch" / "install.sh").read_text())
        self.assertIn('"name": "dev"', (SOURCE / "CMakePresets.json").read_text())

    @unittest.skipUnless(WANTED, "takes a quarter of an hour and a gigabyte from the network: set DEJAVID_TEST_CONTAINER=1")
    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("debootstrap"), "needs root and debootstrap")
    def test_a_bare_debian_becomes_the_image(self):
        root = Path(tempfile.mkdtemp(prefix="dejavid-root-"))
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], check=True, stdout=subprocess.DEVNULL)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", root / "etc" / name)
        for name in ("proc", "dev"):
            subprocess.run(["mount", "--rbind", f"/{name}", root / name], check=True)
            self.addCleanup(subprocess.run, ["umount", "--recursive", "--lazy", root / name])
        parts = sections()[1]
        subprocess.run(["sh", "-e"], input=parts["setup"], text=True, check=True, cwd=SOURCE, env={**os.environ, "APPTAINER_ROOTFS": str(root)})
        surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        surroundings |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        for name in ("post", "test"):
            subprocess.run(["chroot", root, "sh", "-e"], input=parts[name], text=True, check=True, env=surroundings)


if __name__ == "__main__":
    unittest.main()
