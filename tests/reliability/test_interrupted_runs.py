"""Cases 14, 17 and 21 of docs/reference/reliability.md: what is killed or asked to stop, at any moment, loses nothing but time."""

import contextlib
import json
import random
import shutil
import signal
import time
import unittest

from training_test import FAULTY, PLAIN, RANKS, RUN, STEPS, TrainingTest, support


class KilledRanks(TrainingTest):
    def test_case_14_killed_rank(self):
        """30 kills; half of the runs go on with as many ranks, to the same bytes, half with more or fewer."""
        generator = random.Random(14)
        straight = self.unbroken()
        for kill in range(30):
            with self.subTest(kill=kill):
                folder = self.place(f"killed_{kill}")
                place = generator.choice(["compute", "compute", "gradient", "update", "checkpoint"])
                step = generator.randrange(STEPS) if place != "checkpoint" else 2 * generator.randrange(1, 1 + STEPS // 2)
                rank = generator.randrange(RANKS)
                ranks = RANKS if kill % 2 == 0 else (1, 2, 4)[kill // 2 % 3]
                finished = self.train_in(folder, fault=f"{place}:{rank}:{step}:kill", code=None)
                self.assertNotEqual(finished.code, 0, finished)
                self.assert_struck(finished)
                self.train_in(folder, ranks, program=PLAIN)
                if ranks == RANKS:
                    self.assert_same_bytes(folder, straight)
                else:
                    self.assert_close(folder, straight)
                shutil.rmtree(folder)

    def test_case_14_other_ends_of_a_rank(self):
        """With every checkpoint kept: those soon after going on are the same too."""
        settings = dict(run__checkpoint_keep=20)
        for kind in ("segv", "exit"):
            with self.subTest(kind=kind):
                folder = self.place(kind)
                finished = self.train_in(folder, fault=f"compute:1:7:{kind}", code=None, **settings)
                self.assertNotEqual(finished.code, 0, finished)
                self.train_in(folder, program=PLAIN, **settings)
                self.assert_same_bytes(folder, self.unbroken(**settings))


class KilledCheckpoints(TrainingTest):
    """Kills at some of the calls by which rank 0 writes; file_writes_test goes through all of them."""

    def test_case_17_killed_while_saving(self):
        faults = [("write", number) for number in (1, 15, 35, 60, 90)]
        faults += [("sync", number) for number in (5, 8, 11)] + [("rename", number) for number in (3, 5, 7)]
        faults += [("unlink", number) for number in (1, 2)]
        for place, number in faults:
            with self.subTest(place=place, number=number):
                folder = self.place(f"{place}_{number}")
                finished = self.train_in(folder, fault=f"{place}:0:{number}:kill", path="training/", code=None)
                self.assert_struck(finished)
                self.assert_whole_checkpoints(folder)
                self.train_in(folder, program=PLAIN)
                self.assert_same_bytes(folder, self.unbroken())
                self.assertEqual(self.unfinished(folder), [])

    def test_case_17_the_one_before_stays_until_the_new_one_is_there(self):
        settings = dict(run__checkpoint_keep=1)
        for place in ("open", "sync", "rename"):
            with self.subTest(place=place):
                folder = self.place(place)
                finished = self.train_in(
                    folder, fault=f"{place}:0:{5 if place == 'open' else 2}:kill", path="/step_", code=None, **settings
                )
                self.assert_struck(finished)
                self.assertTrue((folder / RUN / "checkpoints" / "step_00000002.h5").exists())
                self.assertIn("resuming from", self.train_in(folder, program=PLAIN, **settings).stderr)
                self.assert_same_bytes(folder, self.unbroken(**settings))

    def test_case_17_an_unfinished_checkpoint_is_reported_and_removed(self):
        folder = self.place("unfinished")
        finished = self.train_in(folder, fault="sync:0:3:kill", path="checkpoints", code=None)
        self.assert_struck(finished)
        left = self.unfinished(folder)
        self.assertEqual(len(left), 1)
        again = self.train_in(folder, program=PLAIN)
        self.assertIn(left[0].name, again.stderr)
        self.assertFalse(left[0].exists())
        self.assert_same_bytes(folder, self.unbroken())


class StopsAskedFor(TrainingTest):
    def test_case_21_sigterm_and_another_number_of_ranks(self):
        """20 stops at random steps; three of four runs go on with another number of ranks."""
        generator = random.Random(21)
        straight = self.unbroken()
        for stop in range(20):
            with self.subTest(stop=stop):
                folder = self.place(f"stopped_{stop}")
                rank, step = generator.randrange(RANKS), generator.randrange(STEPS - 1)
                kind = "term" if stop % 4 else "usr2"
                finished = self.train_in(folder, fault=f"compute:{rank}:{step}:{kind}", code=75)
                self.assert_struck(finished)
                self.assertEqual(finished.errors, [])
                newest = sorted((folder / RUN / "checkpoints").iterdir())[-1]
                self.assertLessEqual(int(newest.stem.removeprefix("step_")), step + 1, "no step more than the one under way")
                self.assertEqual(json.loads((folder / RUN / "summary.json").read_text())["exit_code"], 75)
                ranks = (1, 2, 4, RANKS)[stop % 4]
                self.train_in(folder, ranks, program=PLAIN)
                if ranks == RANKS:
                    self.assert_same_bytes(folder, straight)
                else:
                    self.assert_close(folder, straight)
                shutil.rmtree(folder)

    def test_case_21_signals_to_mpirun(self):
        """SIGUSR2 is passed on by mpirun; SIGTERM too, and there is time to write where it is told to wait."""
        longer = dict(train__epochs=4000, run__checkpoint_every_steps=0)
        for number in (signal.SIGUSR2, signal.SIGTERM):
            with self.subTest(signal=number.name):
                folder = self.place(number.name)
                job = self.start_training(folder, program=PLAIN, **longer)
                until = time.monotonic() + 60
                while not list((folder / RUN).glob("checkpoints/step_*")) and time.monotonic() < until:
                    time.sleep(0.01)
                job.send_signal(number)
                finished = support.finish(job)
                if number == signal.SIGUSR2:
                    self.assertEqual(finished.code, 75, finished)
                summary = json.loads((folder / RUN / "summary.json").read_text())
                self.assertEqual(summary["exit_code"], 75, finished)

    def test_case_21_a_stop_while_a_stop_is_under_way(self):
        """Slurm and users send the signal more than once, and to every rank."""
        folder = self.place("twice")
        job = self.start_training(folder, fault="checkpoint:0:4:usr2", program=FAULTY)
        for _ in range(20):
            with contextlib.suppress(ProcessLookupError):
                job.send_signal(signal.SIGUSR2)
            time.sleep(0.1)
        finished = support.finish(job)
        self.assertIn(finished.code, (75, 128 + signal.SIGUSR2, -signal.SIGUSR2), finished)
        self.train_in(folder, program=PLAIN)
        self.assert_same_bytes(folder, self.unbroken())


if __name__ == "__main__":
    unittest.main()
