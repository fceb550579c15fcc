"""From drawn clips to a model that tells them apart."""

import json
import unittest

from encode_support import EncodeTest
import support
from support import options


class Story(EncodeTest):
    def test_alignment_tells_orders_apart_and_averaging_does_not(self):
        self.succeed(["dejavid_encode", "scenes", "--out", self.folder / "clips", "--clips", 8, "--val-clips", 4])
        self.encode(self.folder / "clips", "clips.h5", ranks=2)
        settings = options(config=support.SOURCE / "configs" / "series.toml", data__store=self.folder / "clips.h5", run__dir=self.folder / "run")
        self.succeed(["dejavid_dist", "train", *settings])
        evaluated = options(model__init=self.folder / "run" / "model.h5", data__store=self.folder / "clips.h5")
        self.succeed(["dejavid_dist", "eval", *evaluated, "--json", self.folder / "eval.json"])
        numbers = json.loads((self.folder / "eval.json").read_text())
        self.assertGreaterEqual(numbers["top1"], 0.9, numbers)
        self.assertLessEqual(numbers["class_means_top1"], 0.6, numbers)


if __name__ == "__main__":
    unittest.main()
