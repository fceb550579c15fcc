"""The training loop with a system of its own (toy_training.cpp): records, checkpoints, kills and resumes, on 1 and 3 ranks."""

import json
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "end_to_end"))

import support

TOY = "../tests/toy_training"
STEPS, EPOCHS = 7, 4  # of an epoch: 50 samples in batches of 8


class ToyTraining(support.ProgramTest):
    def setUp(self):
        super().setUp()
        tse_set = support.make_set(classes=5, per_class=10, validation_per_class=1)
        support.write_store(self.folder / "set.h5", tse_set)

    def train(self, folder, ranks, *fault):
        return support.run([TOY, "set.h5", folder, *fault], ranks, cwd=self.folder)

    def files(self, folder):
        folder = self.folder / folder
        metrics = [support.without_clock(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return metrics, (folder / "model.h5").read_bytes(), (folder / "best.h5").read_bytes()

    def test_records_every_step_and_epoch(self):
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                result = self.train(f"whole{ranks}", ranks)
                self.assertEqual(result.code, 0, result)
                self.assertIn("epoch 4/4: train loss", result.stderr + result.stdout)
                metrics, _, _ = self.files(f"whole{ranks}")
                steps = [record for record in metrics if record["event"] == "step"]
                epochs = [record for record in metrics if record["event"] == "epoch"]
                self.assertEqual([record["step"] for record in steps], list(range(STEPS * EPOCHS)))
                self.assertEqual(list(epochs[0]), ["event", "epoch", "train_loss", "train_right", "val_small"])
                self.assertLess(epochs[-1]["train_loss"], epochs[0]["train_loss"])
                summary = json.loads((self.folder / f"whole{ranks}" / "summary.json").read_text())
                self.assertEqual((summary["exit_code"], summary["steps"]), (0, STEPS * EPOCHS))
                self.assertEqual(summary["best"]["chosen_on"], "val")
        one, three = self.files("whole1")[0], self.files("whole3")[0]
        for a, b in zip(one, three):
            for key in a:
                self.assertTrue(a[key] == b[key] or abs(a[key] - b[key]) < 1e-6, (a, b))

    def test_a_killed_run_goes_on_as_if_nothing_had_happened(self):
        for ranks in (1, 3):
            self.assertEqual(self.train(f"whole{ranks}", ranks).code, 0)
            for step in (2, 11, 15):  # before any checkpoint, within an epoch, at the beginning of one
                with self.subTest(ranks=ranks, step=step):
                    folder = f"killed{ranks}_{step}"
                    self.assertNotEqual(self.train(folder, ranks, "kill", str(step)).code, 0)
                    self.assertFalse((self.folder / folder / "model.h5").exists())
                    self.assertEqual(self.train(folder, ranks).code, 0)
                    self.assertEqual(self.files(folder), self.files(f"whole{ranks}"))
                    shutil.rmtree(self.folder / folder)

    def test_a_rank_that_fails_ends_all_with_its_line(self):
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                result = self.train(f"failed{ranks}", ranks, "fail", "9")
                self.assertEqual(result.code, 10, result)
                self.assertIn("error: toy: found a fault", result.stderr)


if __name__ == "__main__":
    unittest.main()
