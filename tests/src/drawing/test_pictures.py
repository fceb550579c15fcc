"""The pictures of draw_pictures.cpp are valid XML that stands alone, and their images are valid PNG of the right cells."""

import base64
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"
PROGRAM = pathlib.Path(os.environ["DEJAVID_BIN"]).parent / "tests" / "draw_pictures"


def decode_png(data):
    """(palette [n,3], positions in it [height, width]); every checksum is looked at."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + body)
        chunks.append((name, body))
        at += 12 + length
    assert [name for name, _ in chunks] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, kind, *rest = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, kind, rest) == (8, 3, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[2][1]), dtype=np.uint8).reshape(height, width + 1)
    pixels = []
    for kind, *differences in rows:  # from the pixel before, or from that above
        assert kind in (1, 2), kind
        pixels.append(np.cumsum(differences, dtype=np.uint8) if kind == 1 else pixels[-1] + np.array(differences, dtype=np.uint8))
    return np.frombuffer(chunks[1][1], dtype=np.uint8).reshape(-1, 3), np.array(pixels)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="dejavid-")
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run([PROGRAM, cls.folder.name], check=True)

    def root(self, name):
        return ElementTree.parse(pathlib.Path(self.folder.name) / name).getroot()

    def cells(self, root, rows, columns):
        """(palette, positions in it [rows, columns]) of the first image, in which a cell is as many pixels as it is shown in."""
        image = next(root.iter(SVG + "image"))
        palette, pixels = decode_png(base64.b64decode(image.get("href").partition(",")[2]))
        shown = [float(image.get(side)) / count for side, count in (("height", rows), ("width", columns))]
        high, wide = (max(round(size), 1) for size in shown)
        self.assertEqual(pixels.shape, (rows * high, columns * wide))
        cells = pixels[::high, ::wide]
        np.testing.assert_array_equal(pixels, cells.repeat(high, axis=0).repeat(wide, axis=1))
        return palette, cells

    def test_it_names_itself_to_a_screen_reader(self):
        root = self.root("plain.svg")
        self.assertEqual(root.get("role"), "img")
        named = {element.get("id"): element.text for element in root}
        self.assertEqual([named[name] for name in root.get("aria-labelledby").split()], ["clip_7", "about clip_7"])
        self.assertEqual([root[0].tag, root[1].tag], [SVG + "title", SVG + "desc"])

    def test_ids_of_any_content_are_valid_xml(self):
        root = self.root("awkward.svg")
        self.assertTrue(root.find(SVG + "title").text.startswith("]]>&amp;<b a='1'>\"\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd   日本\ufffd"))
        self.assertIsNone(root.find(f".//{SVG}b"))
        self.root("bare.svg")

    def test_it_stands_alone(self):
        for name in ("plain.svg", "awkward.svg", "large.svg", "pairs.svg"):
            root = self.root(name)
            for element in root.iter():
                self.assertIn(element.tag.removeprefix(SVG), "svg title desc style rect line text path image".split())
                for attribute, value in element.attrib.items():
                    self.assertFalse(attribute.startswith("on"), attribute)
                    if attribute.endswith("href"):
                        self.assertTrue(value.startswith("data:image/png;base64,"))
            style = root.find(SVG + "style").text
            self.assertIn("@media (prefers-color-scheme: dark)", style)
            self.assertNotIn("url(", style)

    def test_everything_lies_within_the_picture(self):
        for name in ("plain.svg", "awkward.svg", "large.svg", "pairs.svg"):
            root = self.root(name)
            _, _, width, height = map(float, root.get("viewBox").split())
            for element in root.iter():
                if element.get("width") == "100%":
                    continue
                box = [float(element.get(key, 0)) for key in ("x", "y", "width", "height")]
                if element.tag != root.tag:
                    self.assertGreaterEqual(min(box), 0, element.attrib)
                    self.assertLessEqual(box[0] + box[2], width, element.attrib)
                    self.assertLessEqual(box[1] + box[3], height, element.attrib)

    def test_cells_have_the_shade_of_their_cost(self):
        root = self.root("plain.svg")
        palette, cells = self.cells(root, 3, 5)
        self.assertEqual(len(palette), 256)
        costs = 10 * np.arange(3)[:, None] + np.arange(5)[None]
        np.testing.assert_array_equal(cells, np.rint(costs / costs.max() * 254))
        self.assertGreater(float(next(root.iter(SVG + "image")).get("width")), 5 * 8)  # so that a cell has many pixels

    def test_what_lies_above_the_scale_has_the_colour_of_its_end(self):
        root = self.root("clipped.svg")
        _, cells = self.cells(root, 3, 5)
        costs = 10 * np.arange(3)[:, None] + np.arange(5)[None]
        end = np.sort(costs, axis=None)[11]  # 80 % of 15 cells, rounded down
        np.testing.assert_array_equal(cells, np.rint(np.minimum(costs / end, 1) * 254))
        texts = {element.text for element in root.iter(SVG + "text")}
        self.assertIn(f"\u2265 {end}", texts)
        self.assertIn("The scale holds 80 % of the cells; what lies above has the colour of its end.", root.find(SVG + "desc").text)
        self.assertNotIn("The scale holds", self.root("plain.svg").find(SVG + "desc").text)

    def test_pairs_of_frames_lie_beside_each_other(self):
        """Those of one video in one height a line; no two upon each other."""
        images = [tuple(float(image.get(key)) for key in ("x", "y")) for image in self.root("pairs.svg").iter(SVG + "image")]
        upper, lower = images[::2], images[1::2]
        self.assertEqual([len(set(images)), len(set(y for _, y in images))], [30, 6])
        for (x, y), (below_x, below_y) in zip(upper, lower, strict=True):
            self.assertEqual(x, below_x)
            self.assertGreater(below_y, y + 128)
        for (x, y), (next_x, next_y) in zip(upper, upper[1:]):
            self.assertTrue(next_x > x + 128 if next_y == y else next_y > y + 2 * 128)

    def test_a_large_matrix_is_drawn_as_means(self):
        palette, cells = self.cells(self.root("large.svg"), 400, 400)
        n = np.arange(1000 * 700)
        values = (np.fmod(n * 0.6180339887, 1.0) + n // 700 / 100).reshape(1000, 700)
        rows, columns = np.arange(401) * 1000 // 400, np.arange(401) * 700 // 400
        means = np.array([[values[rows[i] : rows[i + 1], columns[j] : columns[j + 1]].mean() for j in range(400)] for i in range(400)])
        shades = (means - means.min()) / (means.max() - means.min()) * 254
        self.assertLessEqual(np.abs(cells - shades).max(), 0.5 + 1e-6)

    def test_the_path_goes_through_the_middles_of_its_cells(self):
        root = self.root("plain.svg")
        image = next(root.iter(SVG + "image"))
        left, top, width, height = (float(image.get(key)) for key in ("x", "y", "width", "height"))
        trace = next(path for path in root.iter(SVG + "path") if path.get("class") == "trace").get("d")
        points = [tuple(map(float, word.strip("ML ").split())) for word in trace.split("L")]
        corners = [(0, 0), (0, 1), (2, 1), (2, 4)]  # where it turns
        expected = [(left + (j + 0.5) * width / 5, top + (i + 0.5) * height / 3) for i, j in corners]
        np.testing.assert_allclose(points, expected, atol=0.06)

    def test_seconds_stand_beside_frames_where_they_are_known(self):
        texts = {element.text for element in self.root("plain.svg").iter(SVG + "text")}
        self.assertLessEqual({"0", "4", "0.50 s", "20.0 s", "reach clip_7", "lift", "phase 7", "no phase"}, texts)
        bare = [element.text or "" for element in self.root("bare.svg").iter(SVG + "text")]
        self.assertFalse([text for text in bare if text.endswith(" s")])


if __name__ == "__main__":
    unittest.main()
