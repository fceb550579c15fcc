"""What `cmake --install` lays down runs from another folder, and asks for no LibTorch."""

import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["DEJAVID_BIN"]).parent


def run(*words, folder):
    return subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, check=True).stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.prefix = pathlib.Path(cls.scratch.name) / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix, folder=cls.scratch.name)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_programs_configs_and_documents_are_there(self):
        for path in ("bin/dejavid_dist", "bin/dejavid_convert", "share/dejavid-dist/configs/series.toml", "share/doc/dejavid-dist/LICENSE",
                     "share/doc/dejavid-dist/docs/use/data.md"):
            self.assertTrue((self.prefix / path).is_file(), path)

    def test_manual_pages_and_completion_are_there(self):
        for program in ("dejavid_dist", "dejavid_convert"):
            self.assertTrue((self.prefix / "share" / "man" / "man1" / f"{program}.1").read_text().startswith(".TH "))
            self.assertIn(f"compdef {program}", (self.prefix / "share" / "zsh" / "site-functions" / f"_{program}").read_text())
            self.assertIn(f"complete -c {program}", (self.prefix / "share" / "fish" / "vendor_completions.d" / f"{program}.fish").read_text())
            bash = self.prefix / "share" / "bash-completion" / "completions" / program
            words = f"source '{bash}'; COMP_WORDS=({program} '') COMP_CWORD=1; _{program}; echo \"${{COMPREPLY[@]}}\""
            self.assertIn("help", run("bash", "-c", words, folder=self.scratch.name).split())

    def test_it_trains_from_another_folder(self):
        programs = self.prefix / "bin"
        store, folder = pathlib.Path(self.scratch.name) / "order.h5", self.scratch.name
        run(programs / "dejavid_convert", "synthetic", "--preset", "order", "--samples", 48, "--val-samples", 12, "--out", store, folder=folder)
        run(programs / "dejavid_dist", "train", "--config", "order", "--data.store", store, "--train.epochs", 1, "--run.dir", "run", folder=folder)
        self.assertTrue((pathlib.Path(folder) / "run" / "model.h5").is_file())

    def test_no_library_of_the_build_is_asked_for(self):
        for program in ("dejavid_dist", "dejavid_convert"):
            libraries = run("ldd", self.prefix / "bin" / program, folder="/")
            self.assertIn("libc.so", libraries)
            self.assertNotIn("torch", libraries)
            self.assertNotIn(".venv", libraries)
            self.assertNotIn("not found", libraries)


if __name__ == "__main__":
    unittest.main()
