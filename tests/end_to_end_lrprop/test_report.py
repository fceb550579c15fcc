"""lrprop_dist report: the numbers of evaluation.json and of the metrics, the alarm, two videos aligned."""

import json
import pathlib
import shutil
import tempfile
import unittest

import lrprop_support
import support
from report_page import ReportPage
from support import options, run


class Report(lrprop_support.LrpropTest):
    """All report on copies of one run."""

    videos = lrprop_support.make_videos(7, classes=2)
    trained = None

    def setUp(self):
        super().setUp()
        self.store = lrprop_support.write_store(self.folder / "set.h5", self.videos)
        self.run_dir = self.folder / "run"
        if Report.trained is None:
            kept = tempfile.TemporaryDirectory(prefix="dejavid-")
            self.addClassCleanup(kept.cleanup)
            Report.trained = pathlib.Path(kept.name) / "run"
            shutil.copytree(self.train("run", self.store, eval__every_epochs=1), Report.trained)
        else:
            shutil.copytree(Report.trained, self.run_dir)

    def report(self, *words, ranks=None, **settings):
        out = self.folder / "report.html"
        self.succeed([lrprop_support.PROGRAM, "report", *options(run__dir=self.run_dir, **settings), "--out", out, *words], ranks)
        text = out.read_text()
        return text, ReportPage(text)

    def test_numbers_are_those_of_eval_and_of_the_metrics(self):
        text, page = self.report()
        out = self.folder / "eval.json"
        self.succeed([lrprop_support.PROGRAM, "eval", *options(model__init=self.run_dir / "model.h5", data__store=self.store, dist__threads=1), "--json", out])
        expected = json.loads(out.read_text())

        def numbers(one):
            return [
                *one["svm_rbf"].values(), *one["logreg"].values(), one["progress"], *one["ap"].values(),
                one["tau_b"], one["tau_dropped"], one["tau_b_zero"], one["dtw_accuracy"],
            ]  # fmt: skip

        columns = [expected, expected["baselines"]["raw"], expected["baselines"]["time_only"]]
        [[header, *rows]] = [tables[0] for caption, tables in page.tables.items() if "videos" in caption]
        self.assertEqual([name for name, _ in header], ["metric", "this run", "features", "time only"])
        for n, one in enumerate(columns):
            found = [row[1 + n][1][0] if row[1 + n][1] else None for row in rows]
            self.assertEqual(found, numbers(one))
        self.assertEqual(page.tiles["DTW accuracy"], expected["dtw_accuracy"])
        self.assertEqual(page.tiles["Kendall's tau-b"], expected["tau_b"])

        header, *rows = page.tables["Numbers of the epochs"][0]
        for row, record in zip(rows, support.read_metrics(self.run_dir, "epoch"), strict=True):
            self.assertEqual(row[1][1][0], record["train_loss"])
            self.assertEqual(row[2][1][0], record["val_dtw_accuracy"])
        self.assertNotIn("Two videos aligned", text)
        self.assertIn("No alarm", text)

    def test_two_videos_are_aligned_as_align_does(self):
        texts = {self.report(data__store=self.store, ranks=ranks)[0] for ranks in (None, 2)}
        self.assertEqual(len(texts), 1)
        text = texts.pop()
        first, second = [n for n in range(len(self.videos.samples)) if self.videos.splits[n] == support.VALIDATION and self.videos.labels[n] == 0][:2]
        self.succeed([lrprop_support.PROGRAM, "align", *options(model__init=self.run_dir / "model.h5", data__store=self.store), "--query", f"sample_{first}", "--with", f"sample_{second}", "--out", self.folder / "out"])
        aligned = json.loads((self.folder / "out" / f"align-sample_{second}.json").read_text())
        self.assertIn(f"The path costs {aligned['cost']:.4g} over {len(aligned['path'])} cells", text)
        self.assertNotIn("http:", text)

    def test_the_alarm_and_a_run_that_is_not_done(self):
        metrics = self.run_dir / "metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        for line, cosine in zip((line for line in lines if line["event"] == "epoch"), (0.85, 0.91), strict=True):
            line["train_cosine"], line["train_sdtw"] = cosine, 0.1
        metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
        (self.run_dir / "evaluation.json").unlink()
        text, page = self.report()
        self.assertIn("</strong> in <data value=\"1\">1</data> of 2 epochs, first in epoch <data value=\"2\">2</data>", text)
        self.assertIn("The run has no evaluation.json", text)
        self.assertEqual(page.tiles, {})

    def test_refusals(self):
        evaluation = self.run_dir / "evaluation.json"
        for content in ("[]", '{"split": 3}', '{"svm_rbf": {"1": 2}, "baselines": {"raw": 3}}'):
            evaluation.write_text(content)
            finished = run([lrprop_support.PROGRAM, "report", "--run.dir", self.run_dir], cwd=self.folder)
            self.assertEqual((finished.code, len(finished.errors)), (10, 1), finished)
            self.assertIn("evaluation.json: found something else than an evaluation", finished.errors[0])
        finished = run([lrprop_support.PROGRAM, "report"], cwd=self.folder)
        self.assertEqual(finished.code, 2, finished)
        self.assertIn("run.dir: found no folder", finished.errors[0])


if __name__ == "__main__":
    unittest.main()
