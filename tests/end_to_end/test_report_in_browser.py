"""The page of dejavid_dist report in a headless Chromium, where there is one: what axe says of it on light, dark and narrow
windows (where DEJAVID_AXE names an axe.min.js), and that nothing is wider than the window."""

import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import numpy as np

import support
from support import ProgramTest, options

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
AXE = os.environ.get("DEJAVID_AXE")
WINDOWS = [("light", 1200), ("dark", 500)]  # Chromium has no narrower window


def contrast(colour, other):
    """The ratio of WCAG 2, of two colours "rgb(20, 23, 27)"."""

    def luminance(text):
        levels = [int(level) / 255 for level in re.findall(r"\d+", text)]
        assert len(levels) == 3, text
        return np.dot([0.2126, 0.7152, 0.0722], [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels])

    low, high = sorted([luminance(colour), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@unittest.skipUnless(CHROMIUM, "there is no Chromium")
class InABrowser(ProgramTest):
    def setUp(self):
        super().setUp()
        tse_set = support.make_set(seed=3, classes=6, features=6, per_class=5, validation_per_class=6, noise=6.0)
        store = support.write_store(self.folder / "set.h5", tse_set)
        run_dir = self.train("run", store, train__epochs=3, train__batch_size=8, model__steps=5)
        self.succeed(["dejavid_dist", "report", *options(run__dir=run_dir, data__store=store)])
        self.page = (run_dir / "report.html").read_text()

    def ask(self, script, scheme, width):
        """What a script says of the page, whose own rules allow none: of a copy without them."""
        page = re.sub(r"<meta http-equiv=[^>]*>\n", "", self.page)
        self.assertLess(len(page), len(self.page))
        tail = f"<pre id=\"said\"></pre><script>{script}</script></body>"
        file = self.folder / "page.html"
        file.write_text(page.replace("</body>", tail))
        finished = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.folder}/chromium",
             f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}", f"--window-size={width},900",
             "--virtual-time-budget=60000", "--dump-dom", file.as_uri()],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        said = re.search(r"<pre id=\"said\">(.*?)</pre>", finished.stdout, re.S)
        return json.loads(html.unescape(said.group(1)))

    def test_nothing_is_wider_than_the_window(self):
        script = """
            document.querySelectorAll("details").forEach(one => one.open = true);
            const background = getComputedStyle(document.body).backgroundColor;
            function beneath(text) {
                text.scrollIntoView({block: "center", inline: "center"});
                const box = text.getBoundingClientRect();
                const below = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                const cell = below.find(one => one.tagName == "rect" && getComputedStyle(one).fill != "none");
                return cell ? getComputedStyle(cell).fill : background;
            }
            document.getElementById("said").textContent = JSON.stringify({
                wide: document.documentElement.scrollWidth > innerWidth, width: innerWidth,
                dark: matchMedia("(prefers-color-scheme: dark)").matches,
                background: background,
                text: [...document.querySelectorAll("svg text")].map(one => [getComputedStyle(one).fill, beneath(one)])});"""
        for scheme, width in WINDOWS:
            said = self.ask(script, scheme, width)
            # axe leaves it undecided for text in pictures.
            for colour, beneath in set(map(tuple, said.pop("text"))):
                self.assertGreaterEqual(contrast(colour, beneath), 4.5, (scheme, colour, beneath))
            background = "rgb(20, 23, 27)" if scheme == "dark" else "rgb(255, 255, 255)"
            self.assertEqual(said, {"wide": False, "width": width, "dark": scheme == "dark", "background": background})

    def test_bars_begin_below_each_other(self):
        script = """
            const room = document.querySelectorAll(".bar-room");
            room[0].nextElementSibling.textContent = "100.0 %";
            room[1].nextElementSibling.textContent = "9.0 %";
            document.getElementById("said").textContent = JSON.stringify([...room].map(one => one.getBoundingClientRect().left));"""
        lefts = self.ask(script, "light", 1200)
        self.assertEqual(len(lefts), 6)
        self.assertEqual(len(set(lefts)), 1, lefts)

    @unittest.skipUnless(AXE, "DEJAVID_AXE names no axe.min.js")
    def test_axe_finds_nothing(self):
        axe = pathlib.Path(AXE).read_text().replace("</script", "<\\/script")
        script = axe + """
            document.querySelectorAll("details").forEach(one => one.open = true);
            document.getElementById("said").remove();
            axe.run().then(found => {
                const said = document.createElement("pre");
                said.id = "said";
                said.textContent = JSON.stringify({passes: found.passes.length,
                    violations: found.violations.map(one => [one.id, one.nodes[0].html])});
                document.body.append(said);
            });"""
        for scheme, width in WINDOWS:
            said = self.ask(script, scheme, width)
            self.assertEqual(said["violations"], [], (scheme, width))
            self.assertGreater(said["passes"], 20)


if __name__ == "__main__":
    unittest.main()
