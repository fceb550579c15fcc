"""launch/dejavid.def: its sections are scripts that run, in a bare Debian root where this machine allows."""

import os
import re
import shutil
import subprocess
import tempfile
import time
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

    @unittest.skipUnless(WANTED, "takes up to three quarters of an hour and 3 GB: set DEJAVID_TEST_CONTAINER=1")
    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("debootstrap"), "needs root and debootstrap")
    def test_a_bare_debian_becomes_the_image(self):
        root = Path(tempfile.mkdtemp(prefix="dejavid-root-"))
        self.addCleanup(shutil.rmtree, root, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], check=True, stdout=subprocess.DEVNULL)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", root / "etc" / name)
        root.chmod(0o755)  # apt downloads as a user of its own
        parts = sections()[1]
        subprocess.run(["sh", "-e"], input=parts["setup"], text=True, check=True, cwd=SOURCE, env={**os.environ, "APPTAINER_ROOTFS": str(root)})
        surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        surroundings |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
        if certificates := os.environ.get("PIP_CERT"):  # of a network that signs for others
            shutil.copy(certificates, root / "etc" / "certificates-of-the-network.pem")
            surroundings["PIP_CERT"] = "/etc/certificates-of-the-network.pem"
        for name in ("post", "test"):
            (root / f".{name}.sh").write_text(parts[name], encoding="utf-8")
            # Mounts in a namespace of their own are gone with the shell, so nothing of /dev is there when the root is removed.
            inside = f'mount --rbind /proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" sh -e /.{name}.sh'
            started = time.monotonic()
            subprocess.run(["unshare", "--mount", "sh", "-ec", inside, root], check=True, env=surroundings, stdin=subprocess.DEVNULL)
            size = sum(entry.lstat().st_blocks * 512 for entry in root.rglob("*"))
            print(f"%{name}: {time.monotonic() - started:.0f} s, {size / 1e9:.2f} GB on disk", flush=True)


if __name__ == "__main__":
    unittest.main()
