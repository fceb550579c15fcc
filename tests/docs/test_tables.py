"""The tables of docs/results are what their JSON says, and launch/tables.py says it rightly."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "launch"))
import tables  # noqa: E402

MACHINE = {"processor": "A processor", "host_cores": 4, "affinity_cores": 2, "kernel_variant": "avx2", "finished_utc": "2026-11-26T07:04:03Z",
           "command_line": ["/somewhere/bin/dejavid_bench", "kernels", "--json", "/somewhere/else/k.json"], "versions": {"git revision": "abc"}}


def record(name, threads, **more):
    return {"part": "kernels", "name": name, "variant": name.partition("/")[2], "ranks": 1, "threads": threads, "seconds": 0.25,
            "gelem_per_s": 27.123, **more}


class Tables(unittest.TestCase):
    def test_every_page_is_up_to_date(self):
        found = subprocess.run([ROOT / "launch" / "tables.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(found.returncode, 0, found.stderr)

    def test_there_are_tables(self):
        pages = "".join(page.read_text() for page in tables.pages())
        self.assertGreater(len(tables.BLOCK.findall(pages)), 0)

    def test_threads_stand_side_by_side(self):
        text = tables.kernels([record("cost/avx2", 1, share_of_roof=0.8765), record("cost/avx2", 2, busy=True), record("warp/avx2", 1)])
        self.assertEqual(text.splitlines()[2:], ["| cost | avx2 | 27.1 | 0.876 | 27.1 | busy |", "| warp | avx2 | 27.1 |  |  |  |"])

    def test_phases_are_columns(self):
        text = tables.train([record("epoch", 1, phases={"read": 0.5, "paths": 123.4}, samples_per_s=1500.0)])
        self.assertEqual(text.splitlines()[0], "| of | ranks | threads | seconds | samples/s | read | paths | of the roof |")
        self.assertEqual(text.splitlines()[2], "| epoch | 1 | 1 | 0.25 | 1500 | 0.5 | 123 |  |")

    def test_what_is_ours_is_one_time_slower(self):
        text = tables.slower([record("naive", 2, times_slower=28.4), record("kernels", 2)])
        self.assertEqual([line.split(" | ")[-1] for line in text.splitlines()[2:]], ["28.4 |", "1 |"])

    def test_a_step_stands_beside_torchs(self):
        ours = record("step", 1, shape={"name": "small", "F": 60, "T": 80, "B": 1}, phases={"encode": 0.1, "losses": 0.15}, cpu_seconds=0.125)
        torch = {**ours, "name": "step/torch", "variant": "torch 2", "times_slower": 1.5, "times_slower_cpu": 1.25}
        self.assertEqual(tables.steps([{**ours, "variant": "avx2"}, torch]).splitlines()[2:],
                         ["| small | avx2 | 1 | 0.25 | 0.1 | 0.15 | 1 | 0.125 | 1 |",
                          "| small | torch 2 | 1 | 0.25 | 0.1 | 0.15 | 1.5 | 0.125 | 1.25 |"])

    def test_instruction_sets_stand_beside_the_reference(self):
        at = {"F": 1, "T": 80.0, "B": 1}
        of = lambda name, **more: record(name, 1, shape=at, **more)
        text = tables.alignment([of("dtw/reference", ns_per_cell=40.0), of("dtw/avx2", ns_per_cell=8.0, times_reference=5.0, times_reference_spread=0.25),
                                 of("dtw/portable", ns_per_cell=20.0, times_reference=2.0, times_reference_spread=0.5)])
        self.assertEqual(text.splitlines()[0], "| operation | width | n = m | reference | avx2 | portable | reference / avx2 | spread | of the roof |")
        self.assertEqual(text.splitlines()[2:], ["| dtw |  | 80 | 40 | 8 | 20 | 5 | 25% |  |"])

    def test_accuracies_stand_beside_what_others_published(self):
        one = {"name": "a", "classes": 6, "samples": 180, "split": "test", "top1": [0.5, 0.25, 0.75], "best_top1": [0.5, 0.8125, 0.75],
               "averaging_top1": 0.125, "wall_seconds": [3.0, 1.0, 2.0], "published": {"X": 0.5, "Y": 0.625}}
        other = {**one, "name": "b", "published": {}, "neighbours": {"top1": [0.375]}, "averaging_top1": None}
        self.assertEqual(tables.accuracy([one, other]).splitlines()[2:],
                         ["| a | 6 | 180 | 0.500 (0.250 to 0.750) | 0.812 | 0.125 |  | 0.500 | 0.625 |",
                          "| b | 6 | 180 | 0.500 (0.250 to 0.750) | 0.812 |  | 0.375 |  |  |"])
        self.assertEqual(tables.summary([one, other]).splitlines()[2:], ["| a | 0.500 | 0.125 |  | 0.625 (Y) |", "| b | 0.500 |  | 0.375 |  |", "| mean | 0.500 |  |  |  |"])
        both = {**one, "neighbours": {"top1": [0.25]}, "minirocket": {"top1": [0.5, 0.75]}}
        self.assertEqual(tables.summary([both]).splitlines()[0], "| set | DejaVid | averaging over time | 1NN-DTW | MiniRocket | best of 2 published |")
        self.assertEqual(tables.summary([both]).splitlines()[-1], "| mean | 0.500 | 0.125 | 0.250 | 0.625 |  |")
        averages = {**one, "svm": {"top1": [0.25]}, "svm_segments": {"top1": [0.375]}}  # the latter in detail only
        self.assertEqual(tables.summary([averages]).splitlines()[-1], "| mean | 0.500 | 0.125 | 0.250 |  |")
        self.assertEqual(tables.accuracy([averages]).splitlines()[2], "| a | 6 | 180 | 0.500 (0.250 to 0.750) | 0.812 | 0.125 | 0.250 | 0.375 | 0.500 | 0.625 |")

    def test_what_was_added_later_says_so_itself(self):
        added = {name: value for name, value in MACHINE.items() if name != "kernel_variant"}
        added.update(what=["SVM", "forest"], finished_utc="2026-12-01T00:00:00Z", versions={"git revision": "def"}, command_line=["launch/accuracy.sh", "--add"])
        self.assertEqual(tables.captions({"machine": MACHINE, "added": [added]}).splitlines(),
                         ["A processor, 2 of 4 cores, avx2; 2026-11-26; revision abc; `dejavid_bench kernels --json k.json`", "",
                          "SVM, forest: A processor, 2 of 4 cores; 2026-12-01; revision def; `launch/accuracy.sh --add`"])

    def test_sets_stand_beside_each_other_and_what_the_paper_published(self):
        one = {"table": "4.1", "set": "a", "name": "row", "top1": [0.25, 0.75], "best_top1": [0.75, 0.75], "seeds": [0, 1], "note": "2 of 3 seeds",
               "published": {"X": 0.881}, "split": "test", "samples": 40, "classes": 4}
        other = {**one, "set": "b", "top1": [0.5], "best_top1": [], "note": "", "seeds": []}
        changed = {**one, "table": "4.3", "name": "diagonal", "published": {}, "changes": "full learning"}
        lines = tables.ablations([one, {**one, "name": "alone"}, other, changed]).splitlines()
        self.assertEqual(lines[2], "| setting | a, last epoch | best epoch | b, last epoch | best epoch | published, X |")
        self.assertEqual(lines[4], "| row | 0.500 (0.250 to 0.750), 2 of 3 seeds | 0.750 (0.750 to 0.750) | 0.500 |  | 0.881 |")
        self.assertEqual(lines[5], "| alone | 0.500 (0.250 to 0.750), 2 of 3 seeds | 0.750 (0.750 to 0.750) |  |  | 0.881 |")
        self.assertIn("Measured: top-1, mean (lowest to highest) of the seeds 0, 1, on a: 40 test samples of 4 classes; b: 40 test samples of 4 classes.", lines)
        self.assertIn("The best epoch was chosen on those same samples.", lines)
        self.assertIn("The best epoch was chosen on those same samples, of a by its val split.", tables.ablations([{**one, "chosen_on": ["val"]}]).splitlines())
        self.assertEqual(lines[-1], "What Table 4.3 changes: a: full learning; in the paper the best of Table 4.2 on each set.")

    def test_several_files_are_read_as_one(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, seconds in (("k", 0.25), ("l", 0.5)):
                records = [{**record(f"{name}/avx2", 1), "seconds": seconds}]
                (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps({"machine": MACHINE, "records": records}))
            text = tables.page("<!-- table: io k.json,l.json -->\n<!-- end of table -->\n", pathlib.Path(folder))
        self.assertEqual([line.split(" | ")[:2] for line in text.splitlines() if "avx2 |" in line], [["| k/avx2", "0.25"], ["| l/avx2", "0.5"]])
        self.assertEqual(text.count("revision abc"), 2)

    def test_embeddings_stand_beside_baselines_and_the_paper(self):
        def metrics(value, **more):
            return {"svm_rbf": {"0.1": value, "1": value}, "progress": value, "ap": {"5": value, "10": value, "15": value}, "tau_b": value,
                    "dtw_accuracy": value, **more}

        trained = {"part": "lrprop", "name": "a", "model": [metrics(0.25, logreg={"1": 0.5}, tau_dropped=0.0), metrics(0.75, logreg={"1": 0.5}, tau_dropped=1.0)],
                   "baselines": {name: metrics(None, logreg={"1": 0.125}, tau_dropped=0.0) for name in ("raw", "standardised", "time_only")}}
        lines = tables.lrprop([trained, {"part": "published", "name": "b", "metrics": metrics(0.875)}]).splitlines()
        both = "0.500 (0.250 to 0.750)"
        self.assertEqual(lines[2], f"| a | LRProp, 2 seeds | {both} | {both} | 0.500 (0.500 to 0.500) | {both} | {both} | {both} | {both} |")
        self.assertEqual(lines[3], "| a | features as stored |  |  | 0.125 |  |  |  |  |")
        self.assertEqual([line.split(" | ")[1] for line in lines[4:6]], ["features, standardised", "time only"])
        self.assertEqual(lines[6], "| b | LRProp in the paper | 0.875 | 0.875 |  | 0.875 | 0.875 | 0.875 | 0.875 |")
        self.assertEqual(tables.lrprop_ap([trained]).splitlines()[2], f"| a | LRProp, 2 seeds | {both} | {both} | {both} | 0.500 (0.000 to 1.000) |")

    def test_a_caption_names_no_folder_of_the_machine(self):
        self.assertEqual(tables.caption(MACHINE),
                         "A processor, 2 of 4 cores, avx2; 2026-11-26; revision abc; `dejavid_bench kernels --json k.json`\n")

    def test_a_page_is_written_anew_and_then_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "k.json").write_text(json.dumps({"machine": MACHINE, "records": [record("cost/avx2", 1)]}))
            before = "text\n<!-- table: kernels k.json -->\nold\n<!-- end of table -->\nmore\n"
            after = tables.page(before, folder)
            self.assertIn("| cost | avx2 | 27.1 |  |", after)
            self.assertNotIn("old", after)
            self.assertTrue(after.startswith("text\n") and after.endswith("\nmore\n"))
            self.assertEqual(tables.page(after, folder), after)


if __name__ == "__main__":
    unittest.main()
