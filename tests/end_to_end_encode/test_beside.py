"""dejavid_encode beside: which frames of two videos are drawn, against what inspect says of them; refusals."""

import base64
import json
import struct
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

import encode_support
from encode_support import PROGRAM, make_clip

SVG = "{http://www.w3.org/2000/svg}"


def decode_png(data):
    """[height, width, 3] of a PNG of 8-bit colours."""
    at, stream = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IHDR":
            width, height, depth, kind = struct.unpack(">IIBB", data[at + 8 : at + 18])
        if data[at + 4 : at + 8] == b"IDAT":
            stream += data[at + 8 : at + 8 + length]
        at += 12 + length
    assert (depth, kind) == (8, 2)
    stream, size = zlib.decompress(stream), 3 * width
    above, pixels = bytes(size), b""
    for at in range(0, len(stream), 1 + size):
        line = bytearray(stream[at + 1 : at + 1 + size])
        for x in range(size):
            left, corner = (line[x - 3], above[x - 3]) if x >= 3 else (0, 0)
            distances = abs(above[x] - corner), abs(left - corner), abs(left + above[x] - 2 * corner)
            nearest = (left, above[x], corner)[distances.index(min(distances))]
            line[x] = (line[x] + (0, left, above[x], (left + above[x]) // 2, nearest)[stream[at]]) % 256
        above = bytes(line)
        pixels += above
    return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)


class Beside(encode_support.EncodeTest):
    frames = (20, 30)

    def setUp(self):
        super().setUp()
        self.clips = [make_clip(self.folder / f"{name}.avi", frames=count) for name, count in zip("ab", self.frames)]
        self.path = [(n * 19 // 29, n) for n in range(30)]

    def write_path(self, name="align-b.csv", rate=25, path=None):
        lines = ["query_frame,other_frame,query_time,other_time,distance"]
        for query, other in path or self.path:
            lines.append(f"{query},{other},{query / rate},{other / rate},0.5" if rate else f"{query},{other},,,0.5")
        return self.write_list(name, lines)

    def beside(self, *words, path=None):
        self.succeed([PROGRAM, "beside", path or self.write_path(), *self.clips, "--out", "pairs.svg", *words])
        return ElementTree.parse(self.folder / "pairs.svg").getroot()

    def assert_frames(self, root, expected):
        images = list(root.iter(SVG + "image"))
        self.assertEqual(len(images), 2 * len(expected))
        means = []
        for clip in self.clips:
            self.succeed([PROGRAM, "inspect", clip, "--size", "128", "--json", "a.json"])
            means.append(json.loads((self.folder / "a.json").read_text())["mean_rgb"])
            self.assertEqual(len(set(map(tuple, means[-1]))), len(means[-1]))  # so that a mean tells the frame
        for n, pair in enumerate(expected):
            for video, frame in enumerate(pair):
                image = images[2 * n + video]
                pixels = decode_png(base64.b64decode(image.get("href").partition("base64,")[2]))
                np.testing.assert_allclose(pixels.mean(axis=(0, 1)), means[video][frame], rtol=1e-12)
                self.assertTrue(image.find(SVG + "title").text.startswith(f"frame {frame} at {frame / 25:.2f} s"), frame)
            self.assertEqual(images[2 * n].get("x"), images[2 * n + 1].get("x"))
            self.assertLess(float(images[2 * n].get("y")), float(images[2 * n + 1].get("y")))

    def test_places_of_the_path(self):
        root = self.beside("--places", "3")
        self.assert_frames(root, [self.path[n] for n in (0, 14, 29)])
        self.assertIn("a.avi beside b.avi", root.find(SVG + "title").text)
        self.assertEqual(len(list(self.beside().iter(SVG + "image"))), 20)
        for element in root.iter():
            if element.get("width") and element.tag != root.tag and "%" not in element.get("width"):
                self.assertLessEqual(float(element.get("x")) + float(element.get("width")), float(root.get("width")))
                self.assertLessEqual(float(element.get("y")) + float(element.get("height")), float(root.get("height")))

    def test_key_frames_are_where_align_finds_them(self):
        path = [(0, 0), (1, 1), (2, 2), (2, 3), (2, 4), (2, 5), (3, 5), *((n, n + 2) for n in range(4, 20)), *((19, n) for n in range(22, 30))]
        self.assert_frames(self.beside("--key-frames", "3,2", path=self.write_path(path=path)), [(2, 3), (3, 5)])

    def test_rows_that_are_no_frames_go_by_their_times(self):
        """Features that were made five times a second."""
        path = [(n, n) for n in range(4)]
        self.assert_frames(self.beside("--places", "2", path=self.write_path(rate=5, path=path)), [(0, 0), (15, 15)])

    def test_refusals(self):
        def given(path, *words, clips=self.clips, out="pairs.svg"):
            return [PROGRAM, "beside", path, *clips, "--out", out, *words]

        whole = self.write_path()
        gap = self.write_path("gap.csv", path=[(0, 0), (2, 1)])
        (self.folder / "bad.avi").write_text("no video")
        for code, words, arguments in (
            (10, ["none.csv", "found"], given("none.csv")),
            (10, ["other.csv: found another table", "align-ID.csv of lrprop_dist align"], given(self.write_list("other.csv", ["class,role,step,frame,seconds,cost"]))),
            (10, ["empty.csv: found no line below the header"], given(self.write_list("empty.csv", [whole.read_text().splitlines()[0]]))),
            (10, ["times.csv:2: found no query_time", "/timestamps"], given(self.write_path("times.csv", rate=0))),
            (10, ["gap.csv:3: found rows 2 and 1"], given(gap)),
            (10, ["a.avi: found a video that ends at 0.76 s", "last time in it is 1.16 s"], given(whole, clips=self.clips[::-1])),
            (10, ["b.avi: found a video that ends at 1.16 s", "last time in it is 0.20 s"], given(self.write_path("fast.csv", rate=25, path=[(n, min(n, 5)) for n in range(20)]))),
            (10, ["bad.avi: found"], given(whole, clips=["bad.avi", self.clips[1]])),
            (2, ["--key-frames: found row 20 of the query; expected 0 to 19"], given(whole, "--key-frames", "3,20")),
            (2, ["--key-frames: found 'x'"], given(whole, "--key-frames", "3,x")),
            (2, ["--places: found beside --key-frames"], given(whole, "--key-frames", "3", "--places", "4")),
            (2, ["--out: found pairs.png", ".svg"], given(whole, out="pairs.png")),
            (13, ["link.svg: found an input of this command"], given(whole, out=self.link_to(self.clips[0]))),
        ):
            self.refuse(code, words, arguments)
        self.assertFalse((self.folder / "pairs.svg").exists())

    def link_to(self, clip):
        link = self.folder / "link.svg"
        link.symlink_to(clip)
        return link


if __name__ == "__main__":
    unittest.main()
