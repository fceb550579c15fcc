"""Real clips, where they are: counts, times and colours are those that PyAV gave, or gives where it is installed."""

import importlib.util
import json
import os
import subprocess
import unittest
from pathlib import Path

import videos_by_pyav

SOURCE = Path(os.environ["DEJAVID_SOURCE"])
VIDEOS = SOURCE.parent / "shared" / "data" / "videos"
PROGRAM = Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "inspect_video"
RECORDED = json.loads((Path(__file__).parent / "data" / "videos.json").read_text())


def inspect(file):
    finished = subprocess.run([PROGRAM, file, "antialias"], capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    return json.loads(finished.stdout)


@unittest.skipUnless(VIDEOS.exists(), f"no clips at {VIDEOS}")
class RealVideos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.inspected = {name: inspect(VIDEOS / name) for name in RECORDED}

    def test_are_as_pyav_read_them(self):
        for name, recorded in RECORDED.items():
            with self.subTest(name):
                video = self.inspected[name]
                frames = recorded["frames"]
                found = videos_by_pyav.summary(name, video["times"][:frames], video["mean_rgb_native"][:frames])
                for ours, theirs in zip(found.pop("mean_rgb"), recorded["mean_rgb"]):
                    self.assertAlmostEqual(ours, theirs, delta=1e-6)
                self.assertEqual(found, {key: value for key, value in recorded.items() if key != "mean_rgb"})
                if name != "corrupted.mp4":  # PyAV stops at the packet that does not decode
                    self.assertEqual(video["frames"], frames)
                if name.endswith(".avi"):
                    for index, time in enumerate(video["times"]):
                        self.assertAlmostEqual(time, index / video["rate"], delta=1e-6)

    def test_say_what_is_missing(self):
        facts = {name: (video["frames"], video["header_frames"], video["bad_packets"]) for name, video in self.inspected.items()}
        self.assertEqual(facts["corrupted.mp4"], (49, 50, 1))
        self.assertEqual(facts["hmdb51_shoot_bow.avi"], (81, 82, 0))
        self.assertEqual(facts["hmdb51_swing_baseball.avi"], (140, 141, 0))
        for name, (frames, header_frames, bad_packets) in facts.items():
            if name != "corrupted.mp4" and not name.startswith("hmdb51"):
                self.assertEqual((frames, bad_packets), (header_frames, 0), name)

    def test_a_turned_one_is_turned(self):
        video = self.inspected["video_90.mov"]
        self.assertEqual((video["rotation"], video["width"], video["height"]), (90, 568, 320))

    @unittest.skipUnless(importlib.util.find_spec("av"), "no PyAV to compare with")
    def test_are_as_pyav_reads_them_now(self):
        for name, video in self.inspected.items():
            with self.subTest(name):
                times, means = videos_by_pyav.read(VIDEOS / name, video["stream"])
                for ours, theirs in zip(video["mean_rgb_native"], means):
                    for colour in range(3):
                        self.assertAlmostEqual(ours[colour], theirs[colour], delta=1e-6)
                if name != "corrupted.mp4":
                    self.assertEqual(video["frames"], len(means))


if __name__ == "__main__":
    unittest.main()
