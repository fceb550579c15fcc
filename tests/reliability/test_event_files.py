"""Event files of runs that were stopped and went on: what metrics.jsonl says, and no step twice, by a reader of our own and by TensorBoard's."""

import unittest

from training_test import PLAIN, RUN, STEPS, TrainingTest, support

import event_files

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    EventAccumulator = None

STEP_TAGS = {"train/loss", "train/lr", "train/samples"}
EPOCH_TAGS = {"train/epoch_loss", "train/top1", "val/loss", "val/top1", "val/top5", "speed/epoch_seconds", "speed/samples_per_s"}


class EventFiles(TrainingTest):
    def stopped_twice(self):
        """A run that was stopped within its epochs, then killed past its last checkpoint, then ended."""
        folder = self.place("twice")
        self.train_in(folder, fault="compute:1:5:term", code=75)
        self.assertNotEqual(self.train_in(folder, fault="compute:0:9:kill", code=None).code, 0)
        self.train_in(folder, program=PLAIN)
        return folder / RUN

    def test_says_what_metrics_say_after_two_resumes(self):
        run = self.stopped_twice()
        found = event_files.read_scalars(run / event_files.NAME)
        self.assertEqual(found, event_files.expected_scalars(run))
        self.assertEqual([step for _, step, scalars in found if "train/loss" in scalars], list(range(STEPS)))
        self.assertEqual({tag for _, _, scalars in found for tag in scalars}, STEP_TAGS | EPOCH_TAGS)
        times = [time for time, _, _ in found]
        self.assertEqual(times, sorted(times))
        self.assertEqual(
            {file.name for file in (run / "tensorboard").iterdir()}, {"events.out.tfevents.config", "events.out.tfevents.metrics"}
        )

    @unittest.skipUnless(EventAccumulator, "found no Python package tensorboard")
    def test_tensorboard_reads_every_scalar_once(self):
        run = self.stopped_twice()
        expected = {}
        for time, step, scalars in event_files.expected_scalars(run):
            for tag, value in scalars.items():
                expected.setdefault(tag, []).append((time, step, value))
        reader = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
        reader.Reload()
        self.assertEqual(set(reader.Tags()["scalars"]), set(expected))
        for tag, points in expected.items():
            self.assertEqual([(point.wall_time, point.step, point.value) for point in reader.Scalars(tag)], points, tag)
        (config,) = reader.Tensors("config")
        self.assertIn(b"    checkpoint_every_steps = 2\n", config.tensor_proto.string_val[0])

    def test_can_be_left_out(self):
        folder = self.place("left_out")
        self.train_in(folder, None, program=PLAIN, run__tensorboard=False)
        self.assertFalse((folder / RUN / "tensorboard").exists())
        self.assertEqual(len(support.read_metrics(folder / RUN, "step")), STEPS)


if __name__ == "__main__":
    unittest.main()
