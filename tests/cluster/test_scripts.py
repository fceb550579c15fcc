"""What can be said of the scripts of launch/slurm without running them: syntax, shellcheck, options that Slurm takes, and what they share."""

import re
import shutil
import subprocess
import unittest

import slurm

JOBS = sorted(slurm.SCRIPTS.glob("*.sbatch"))
TRAINING = ("train.sbatch", "train_mpirun.sbatch", "array.sbatch")


class Text(unittest.TestCase):
    def test_there_are_scripts(self):
        self.assertEqual({"encode.sbatch", "scaling.sbatch", *TRAINING}, {script.name for script in JOBS})

    def test_syntax(self):
        for script in [*JOBS, *slurm.SCRIPTS.glob("*.sh"), slurm.support.SOURCE / "launch" / "scaling.sh"]:
            with self.subTest(script=script.name):
                subprocess.run(["bash", "-n", script], check=True)

    @unittest.skipUnless(shutil.which("shellcheck"), "found no shellcheck; launch/install.sh --cluster brings it")
    def test_shellcheck(self):
        own = [*slurm.Path(__file__).parent.glob("*.sh"), slurm.support.SOURCE / "launch" / "scaling.sh"]
        finished = subprocess.run(["shellcheck", *JOBS, *slurm.SCRIPTS.glob("*.sh"), *own], capture_output=True, text=True, cwd=slurm.support.SOURCE)
        self.assertEqual(finished.stdout + finished.stderr, "")

    def test_three_marked_lines_are_all_there_is_to_edit(self):
        for script in JOBS:
            with self.subTest(script=script.name):
                head = script.read_text().splitlines()[:12]
                self.assertEqual(re.findall(r"# EDIT (\d)", "\n".join(head)), ["1", "2", "3"])
                self.assertEqual(script.read_text().count("# EDIT "), 3)

    def test_scripts_judge_and_queue_alike(self):
        """A cluster takes a script alone, so each holds these parts itself."""
        parts = set()
        for name in TRAINING:
            before, start, after = re.split(r"^# --- .*$", (slurm.SCRIPTS / name).read_text(), flags=re.M)[1:]
            parts.add((before, after.replace("USR2@180", "")))
            self.assertIn('"${launch[@]}" "${hold[@]}" "${train[@]}"', start)
        self.assertEqual(len(parts), 1)


    def test_the_page_shows_what_the_scripts_hold(self):
        page = (slurm.support.SOURCE / "docs" / "use" / "cluster.md").read_text()
        train = (slurm.SCRIPTS / "train.sbatch").read_text()
        shown = re.findall(r"^\| [123] \| `(.*?)` \|", page, flags=re.M)
        self.assertEqual(len(shown), 3)
        for line in shown:
            self.assertIn(f"\n{line} # EDIT", train)
        (keepalive,) = re.findall(r"^export OMPI_MCA_oob.*$", page, flags=re.M)
        for script in (slurm.SCRIPTS / "train_mpirun.sbatch", slurm.support.SOURCE / "launch" / "scaling.sh"):
            self.assertIn(f"\n{keepalive}\n", script.read_text())
        for name in {script.name for script in slurm.SCRIPTS.iterdir()}:
            self.assertIn(f"| `{name}` |", page)


class Options(slurm.ClusterTest):
    def test_slurm_takes_them(self):
        for script in JOBS:
            with self.subTest(script=script.name):
                answer = self.cluster.call(
                    "sbatch", "--test-only", "--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=2", "--cpus-per-task=1", script
                )
                self.assertRegex(answer, r"Job \d+ to start at .* on nodes n\[1-2\]")


if __name__ == "__main__":
    unittest.main()
