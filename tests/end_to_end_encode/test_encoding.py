"""Videos become a store: the same one on any number of ranks and threads, with what cannot be used left out or refused."""

import csv
import json
import os
import struct
import threading
import unittest

import h5py
import numpy as np

import encode_support
import support
from encode_support import PROGRAM, WRITE_ENCODER, jobs, make_clip


class Encoding(encode_support.EncodeTest):
    def test_the_same_bytes_on_any_number_of_ranks_and_threads(self):
        videos = self.make_list(frames=(5, 60))
        for windows, counts in {"fraction": ((None, 3), (3, 1), (8, 1)), "multi": ((3, 2),)}.items():
            alone = self.encode(videos, f"{windows}.h5", windows=windows)
            for ranks, threads in counts:
                with self.subTest(windows=windows, ranks=ranks, threads=threads):
                    name = f"{windows}_{ranks}.h5"
                    self.assertEqual(self.encode(videos, name, windows=windows, ranks=ranks, threads=threads), alone)

    def test_a_store_holds_what_the_list_says(self):
        videos = self.make_list(clips=3, frames=(20, 40))
        self.encode(videos, "a.h5", windows="multi")
        store = support.read_arrays(self.folder / "a.h5")
        self.assertEqual([name.decode() for name in store["ids"]], ["video 0", "video 1", "video 2"])
        self.assertEqual(store["labels"].tolist(), [0, 1, 0])
        self.assertEqual(store["split"].tolist(), [0, 0, 1])
        self.assertEqual(np.diff(store["offsets"]).tolist(), [20, 30, 40])
        self.assertEqual(store["features"].shape[1] % 4, 0)
        # 25 frames a second; a row's windows lie around its frame, at the ends of the video as well
        np.testing.assert_allclose(store["timestamps"][:20], np.arange(20) / 25, atol=1e-3)
        self.succeed(["dejavid_convert", "verify", "a.h5"])
        info = self.folder / "info.json"
        self.succeed(["dejavid_convert", "info", "a.h5", "--json", info])
        said = json.loads(info.read_text())
        self.assertRegex(said["encoder"], r"^motion [0-9a-f]+, multi widths=16,32,64,video m=16 inside$")
        self.assertEqual(said["source"], "list.csv")
        self.encode(videos, "half.h5", "--float16", "--gzip", "3", windows="multi")
        half = support.read_arrays(self.folder / "half.h5")["features"]
        self.assertEqual(half.dtype, np.float16)
        np.testing.assert_array_equal(half, store["features"].astype(np.float16))

    def test_windows_narrower_than_a_clip_are_told_once(self):
        make_clip(self.folder / "set/train/x/a.avi")
        for windows, told in ((["--widths", "1"], 1), (["--widths", "16,8"], 1), (["--widths", "16,video"], 0)):
            with self.subTest(windows=windows):
                self.encode("set", f"{told}{windows[1][:2]}.h5", *windows, windows="multi", ranks=2)
                self.assertEqual(self.said.stderr.count("which takes clips of 16 frames"), told, self.said.stderr)

    def test_a_folder_of_classes(self):
        for name in ("train/über uns/a.avi", "train/zu/b.avi", "test/zu/c.avi"):
            make_clip(self.folder / "set" / name)
        (self.folder / "set/train/zu/notes.txt").write_text("no video")
        self.encode("set", "a.h5", ranks=2)
        self.assertIn("passed over 1 files that are not named as videos: train/zu/notes.txt", self.said.stderr)
        store = support.read_arrays(self.folder / "a.h5")
        self.assertEqual(store["ids"][2].decode(), "train/über uns/a.avi")
        self.assertEqual(store["split"].tolist(), [support.TEST, support.TRAIN, support.TRAIN])


class BadVideos(encode_support.EncodeTest):
    def setUp(self):
        super().setUp()
        self.good = self.make_list("good.csv", clips=3)
        (self.folder / "bad.mp4").write_text("no video")
        self.videos = self.write_list("list.csv", [*self.good.read_text().splitlines(), "bad one,bad.mp4,a,train"])

    def failures(self):
        with open(self.folder / "a.h5.failed.csv", newline="") as file:
            return list(csv.DictReader(file))

    def test_are_refused_then_left_out_without_encoding_again(self):
        expected = self.encode(self.good, "good.h5")
        self.refuse(10, ["1 of 4 videos", "bad one", "--bad-videos skip"], self.arguments(self.videos, "a.h5"), ranks=3)
        self.assertFalse((self.folder / "a.h5").exists())
        self.assertEqual(self.journal_lines("a.h5"), 4)
        self.assertEqual([row["id"] for row in self.failures()], ["bad one"])
        self.assertIn("expected", self.failures()[0]["reason"])
        self.encode(self.videos, "a.h5", "--bad-videos", "skip", ranks=2)
        self.assertIn("4 of 4 videos have been looked at before; 0 are left", self.said.stderr)
        self.assertIn("--bad-videos skip left out 1 of 4 videos: bad one (", self.said.stderr)
        store, sound = (support.read_arrays(self.folder / name) for name in ("a.h5", "good.h5"))
        np.testing.assert_array_equal(store["features"], sound["features"])
        self.assertNotEqual(expected, b"")

    def test_are_tried_again_on_request_and_once_they_have_changed(self):
        self.refuse(10, ["bad one"], self.arguments(self.videos, "a.h5"))
        finished = self.refuse(10, ["bad one"], self.arguments(self.videos, "a.h5", "--retry", "failed"))
        self.assertIn("1 are left", finished.stderr)
        make_clip(self.folder / "good.avi").rename(self.folder / "bad.mp4")
        make_clip(self.folder / "clips" / "clip 1.avi", frames=33, width=128)  # another video by the same name
        bytes_of_store = self.encode(self.videos, "a.h5")
        self.assertIn("2 of 4 videos have been looked at before; 2 are left", self.said.stderr)
        self.assertEqual(bytes_of_store, self.encode(self.videos, "fresh.h5"))
        self.assertFalse((self.folder / "a.h5.failed.csv").exists())

    def test_all_leave_nothing_to_store(self):
        videos = self.write_list("bad.csv", ["id,file,label,split", "bad one,bad.mp4,a,train"])
        self.refuse(10, ["none of its 1 videos", "no video is left for a store"], self.arguments(videos, "a.h5", "--bad-videos", "skip"))

    def test_rows_that_were_damaged_are_encoded_again(self):
        expected = self.encode(self.good, "good.h5")
        self.refuse(10, ["bad one"], self.arguments(self.videos, "a.h5"))
        [rows] = (self.folder / "a.h5.parts").glob("*/*.rows")
        damaged = bytearray(rows.read_bytes())
        damaged[100] ^= 1
        rows.write_bytes(damaged)
        self.encode(self.good, "a.h5", ranks=2)
        self.assertIn("2 of 3 videos have been looked at before; 1 are left", self.said.stderr)
        self.assertEqual((self.folder / "a.h5").read_bytes(), expected)

    def test_of_two_reasons_the_later_one_is_said(self):
        list_of_files = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"
        bad = self.folder / "bad.mp4"
        for content, reason in ((list_of_files, "a list of files"), ("x" * len(list_of_files), "found no video")):
            bad.write_text(content)
            os.utime(bad, ns=(0, 0))
            self.refuse(10, [reason], self.arguments(self.videos, "a.h5", "--retry", "failed"))
            self.assertIn(reason, self.failures()[0]["reason"])

    def test_a_rank_that_does_not_see_the_videos_ends_the_job(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        clips = self.folder / "clips"
        clips.rename(self.folder / "mounted")
        clips.symlink_to("/proc/self/cwd/mounted")  # of every rank something else, as a mount may be
        given = self.arguments(self.good, self.folder / "a.h5", "--bad-videos", "skip")
        program = [support.BIN / PROGRAM, *given[1:]]
        parts = [(1, program), (1, ["/usr/bin/env", "-C", elsewhere, *program])]
        finished = support.finish(support.start_unlike(parts, self.folder))
        self.assertEqual((finished.code, len(finished.errors)), (10, 1), finished)
        self.assertRegex(finished.errors[0], r"/clips/clip \d.avi: found No such file .*\(rank 1 on \S+\)")
        self.assertFalse((self.folder / "a.h5.failed.csv").exists())
        journals = (self.folder / "a.h5.parts").glob("*/*.jsonl")
        self.assertNotIn("failed", "".join(journal.read_text() for journal in journals))

    def test_a_last_video_that_changes_under_way_ends_the_job(self):
        clip = make_clip(self.folder / "one/x/a.avi")
        done = threading.Event()

        def touch():
            while not done.wait(0.001):
                os.utime(clip)

        toucher = threading.Thread(target=touch)
        toucher.start()
        try:
            self.refuse(10, ["one/x/a.avi: found another size or time"], self.arguments("one", "a.h5"))
        finally:
            done.set()
            toucher.join()

    def test_other_settings_never_mix_in(self):
        self.refuse(10, ["bad one"], self.arguments(self.videos, "a.h5"))
        fresh = self.encode(self.videos, "fresh.h5", "--bad-videos", "skip", "--clamp", windows="multi")
        self.succeed(self.arguments(self.videos, "a.h5", "--bad-videos", "skip", "--clamp", windows="multi"))
        self.assertEqual((self.folder / "a.h5").read_bytes(), fresh)
        left = list((self.folder / "a.h5.parts").iterdir())
        self.assertEqual(len(left), 1)
        self.assertRegex((left[0] / "settings.txt").read_text(), r"libavcodec \d+\.\d+\.\d+ .* LibTorch \d+\.\d+")
        self.assertIn("windows fraction a=5 b=40 m=16", (left[0] / "settings.txt").read_text())

    def test_videos_that_decode_in_part(self):
        whole = make_clip(self.folder / "clips/cut.mp4", frames=60, muxer_options="movflags=+faststart")
        whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        make_clip(self.folder / "clips/trimmed.mp4", frames=40, start=-0.6, b_frames=2)  # whole: its edit list leaves 25
        lines = ["cut,clips/cut.mp4,a,train", "c,clips/clip 0.avi,b,train", "trimmed,clips/trimmed.mp4,a,train"]
        videos = self.write_list("cut.csv", ["id,file,label,split", *lines])
        finished = self.refuse(10, ["1 of 3 videos", "cut"], self.arguments(videos, "a.h5", "--bad-videos", "strict"))
        self.assertIn("1 of 3 videos decode in part: cut (", finished.stderr)
        self.assertIn("say --bad-videos refuse to use what decodes of them;", finished.errors[0])
        self.assertIn("of 60 by its header", self.failures()[0]["reason"])
        self.encode(videos, "a.h5")
        self.assertIn("0 are left", self.said.stderr)
        self.assertIn("1 of 3 videos decode in part", self.said.stderr)


    def test_that_are_missing(self):
        lines = [f"gone {n},gone/{n}.mp4,a,train" for n in range(7)]
        (self.folder / "gone").mkdir()
        (self.folder / "gone/6.mp4").symlink_to("elsewhere.mp4")
        videos = self.write_list("list.csv", [*self.good.read_text().splitlines(), *lines])
        words = ["list.csv: found no file for 7 of 10 videos: gone/0.mp4 (no such file), gone/1.mp4", "and 2 more", "--bad-videos skip"]
        for choice in ("refuse", "strict"):
            self.refuse(10, words, self.arguments(videos, "a.h5", "--bad-videos", choice), ranks=(None, 2)[choice == "strict"])
        self.encode(videos, "a.h5", "--bad-videos", "skip", ranks=2)
        self.assertIn("--bad-videos skip left out 7 of 10 videos: gone 0 (found no such file)", self.said.stderr)
        self.assertEqual([row["id"] for row in self.failures()], [f"gone {n}" for n in range(7)])
        self.assertIn("found a link to nothing, elsewhere.mp4", self.failures()[6]["reason"])
        sound = self.encode(self.good, "good.h5")
        np.testing.assert_array_equal(*(support.read_arrays(self.folder / name)["features"] for name in ("a.h5", "good.h5")))
        self.assertNotEqual(sound, b"")


class Refusals(encode_support.EncodeTest):
    def test_command_lines(self):
        make_clip(self.folder / "set/x/a.avi")
        given = self.arguments("set", "a.h5")
        for words, arguments in {
            ("--videos, --encoder, --windows, --out",): [PROGRAM, "--batch", "2"],
            ("--clamp", "multi"): [*given, "--clamp"],
            ("--window-frames", "8", "16"): [*given, "--window-frames", "8"],
            ("--widths: found without --windows",): [PROGRAM, "inspect", "set/x/a.avi", "--json", "-", "--widths", "16"],
            ("--picture-frames: found without --picture",): [PROGRAM, "inspect", "set/x/a.avi", "--json", "-", "--picture-frames", "4"],
            ("--json, --picture", "other names"): [PROGRAM, "inspect", "set/x/a.avi", "--json", "./b.png", "--picture", "b.png"],
            ("--json, --picture", "standard output"): [PROGRAM, "inspect", "set/x/a.avi", "--json", "-", "--picture", "-"],
            ("--picture: found b.jpg", ".png"): [PROGRAM, "inspect", "set/x/a.avi", "--picture", "b.jpg"],
            ("--out: found an empty text",): [PROGRAM, "scenes", "--out", ""],
            ('"--video": found an unknown option', "did you mean --videos?"): [PROGRAM, "--video", "set"],
            ('"frob": found an unexpected word', "dejavid_encode inspect --help"): [PROGRAM, "inspect", "set/x/a.avi", "frob"],
            ("VIDEO: found nothing", "dejavid_encode inspect --help"): [PROGRAM, "inspect"],
            ("--size: found beside --encoder",): [PROGRAM, "inspect", "set/x/a.avi", "--size", "8", "--encoder", "motion"],
            ("--seed", "-1"): [PROGRAM, "scenes", "--out", "drawn", "--seed", "-1"],
            ("--dist.timeout_s", "found nan;"): [*given, "--dist.timeout_s", "nan"],
            ("--precision", "f16"): [*given, "--precision", "f16"],
            ("dist.device", "cuda"): [*given, "--device", "cuda"],
        }.items():
            with self.subTest(words=words):
                self.refuse(2, words, arguments)
        self.refuse(2, ["--precision", "f16"], [*given, "--precision", "f16"], ranks=2)
        finished = support.run([PROGRAM, "--help"])
        self.assertEqual(finished.code, 0)
        self.assertIn("--bad-videos", finished.stdout)
        self.assertEqual(list(self.folder.iterdir()), [self.folder / "set"])

    def test_ranks_that_are_told_different_things(self):
        make_clip(self.folder / "set/x/a.avi")
        parts = [(1, self.arguments("set", "a.h5")), (1, self.arguments("set", "b.h5"))]
        finished = support.finish(support.start_unlike(parts, self.folder))
        self.assertEqual((finished.code, len(finished.errors)), (2, 1), finished)
        self.assertIn("--out = b.h5", finished.errors[0])

    def test_outputs(self):
        make_clip(self.folder / "set/x/a.avi")
        (self.folder / "a.h5").write_text("mine")
        self.refuse(13, ["a.h5", "existing"], self.arguments("set", "a.h5"), ranks=2)
        self.assertEqual((self.folder / "a.h5").read_text(), "mine")
        self.refuse(13, ["gone/a.h5"], self.arguments("set", "gone/a.h5"))
        self.refuse(10, ["gone.csv"], self.arguments("gone.csv", "b.h5"), ranks=2)

    def test_encoders(self):
        make_clip(self.folder / "set/x/a.avi")
        for encoder, words in {
            "efficientnet": ["did you mean efficientnet-lite0?"],
            "Motion": ["did you mean motion?"],
            "gone.pt": ["gone.pt: found no such encoder or file", "launch/export_encoder.py"],
            "set/x/a.avi": ["set/x/a.avi: found no exported network"],
        }.items():
            arguments = [PROGRAM, "--videos", "set", "--encoder", encoder, "--windows", "fraction", "--out", "a.h5"]
            self.refuse(11, words, arguments)

    def test_scenes_do_not_mix(self):
        drawn = [PROGRAM, "scenes", "--out", "drawn", "--clips", "1", "--val-clips", "0"]
        self.succeed(drawn)
        self.refuse(13, ["drawn: found files in it", "empty"], drawn)


class Logits(encode_support.EncodeTest):
    """An encoder of 12 features and 3 logits, of the classes open, close and none."""

    def setUp(self):
        super().setUp()
        finished = jobs.run([WRITE_ENCODER, self.folder])
        self.assertEqual(finished.code, 0, finished)

    def width_of(self, labels, *more):
        lines = ["id,file,label,split"]
        for n, label in enumerate(labels):
            make_clip(self.folder / "clips" / f"{n}.avi", frames=9)
            lines.append(f"{n},clips/{n}.avi,{label},train")
        videos = self.write_list("list.csv", lines)
        given = ["--videos", videos, "--encoder", "tiny.pt", "--windows", "fraction", "--out", "s.h5", "--progress", "off"]
        self.said = self.succeed([PROGRAM, *given, *more])
        with h5py.File(self.folder / "s.h5") as store:
            found = int(store.attrs["feature_dim"]), int(store.attrs.get("logits", 0)), store.attrs["encoder"]
        (self.folder / "s.h5").unlink()
        return found

    def test_are_kept_where_they_are_of_the_videos_classes(self):
        self.assertEqual(self.width_of(["open", "close", "none"])[:2], (15, 3))
        self.assertEqual(self.width_of(["open", "close"])[:2], (15, 0))
        features, logits, encoder = self.width_of(["open", "jump"])
        self.assertEqual((features, logits), (12, 0))
        self.assertIn("without its logits", encoder)
        self.assertIn("the encoder's 3 logits are left out, as not all videos' classes are among theirs", self.said.stderr)

    def test_are_kept_and_left_out_as_asked(self):
        self.assertEqual(self.width_of(["open", "jump"], "--logits", "keep")[:2], (15, 0))
        self.assertEqual(self.width_of(["open", "close", "none"], "--logits", "drop")[:2], (12, 0))


class LargeInputs(encode_support.EncodeTest):
    def test_a_batch_of_too_many_numbers_is_refused(self):
        finished = jobs.run([WRITE_ENCODER, self.folder])
        self.assertEqual(finished.code, 0, finished)
        # the network is the same for frames of any size; of these 682 inputs have 3.1e6 numbers less than 2^31
        document = json.loads((self.folder / "tiny.json").read_text())
        (self.folder / "tiny.json").write_text(json.dumps(document | {"size": 512}))
        n, t, y, x, c = np.ogrid[0:2, 0:4, 0:512, 0:512, 0:3]
        frames = ((x * (3 + c) + y * (5 - c) + t * (11 + 2 * n) + 17 * ((x // 8) ^ (y // 8)) + 53 * n) % 256) / 255
        colours, changes = frames.mean((2, 3)).reshape(2, 12), np.abs(np.diff(frames, axis=1)).mean((2, 3, 4))
        np.save(self.folder / "tiny.probe.npy", np.concatenate([colours, changes], 1).astype("f4"))
        make_clip(self.folder / "a.avi", frames=1)
        given = ["--encoder", "tiny.pt", "--windows", "fraction", "--out", "s.h5", "--progress", "off", "--threads", 1]
        arguments = [PROGRAM, "--videos", self.write_list("list.csv", ["file", "a.avi"]), *given, "--batch"]
        for ranks in (None, 2):
            self.refuse(2, ["--batch: found 683 with an encoder of inputs of 4 x 512 x 512 pixels", "at most 682"], [*arguments, 683], ranks)
        self.succeed([*arguments, 682])


class NewVideos(encode_support.EncodeTest):
    def test_without_labels_are_told_apart_by_a_model(self):
        videos = self.make_list(frames=(20, 40), clips=4)
        self.encode(videos, "known.h5")
        settings = ["--data.store", "known.h5", "--run.dir", "run", "--train.epochs", "1", "--model.steps", "4", "--train.logit_norm", "none"]
        self.succeed(["dejavid_dist", "train", *settings, "--run.progress", "off"])
        self.write_list("new.csv", ["file", "clips/clip 0.avi", "clips/clip 1.avi"])
        for new, ids in {"new.csv": ["clips/clip 0.avi", "clips/clip 1.avi"], "clips": [f"clip {n}.avi" for n in range(4)]}.items():
            out = f"{new}.h5"
            self.encode(new, out)
            self.assertIn("all", self.said.stderr)
            self.assertIn("unlabelled", self.said.stderr)
            store = support.read_arrays(self.folder / out)
            self.assertEqual([name.decode() for name in store["ids"]], ids)
            self.assertEqual(set(store["labels"].tolist()) | set(store["split"].tolist()), {-1, support.TEST})
            predict = ["--model.init", "run/model.h5", "--data.store", out, "--eval.split", "test", "--out", f"{new}.predictions.csv"]
            self.succeed(["dejavid_dist", "predict", *predict])
            with open(self.folder / f"{new}.predictions.csv", newline="") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual([row["id"] for row in rows], ids)


class Inspecting(encode_support.EncodeTest):
    def test_says_what_a_video_decodes_to(self):
        clip = make_clip(self.folder / "a.avi", frames=20)
        self.succeed([PROGRAM, "inspect", clip, "--windows", "multi", "--json", "a.json"])
        found = json.loads((self.folder / "a.json").read_text())
        self.assertEqual((found["frames"], found["width"], len(found["mean_rgb"])), (20, 96, 20))
        self.assertEqual(sorted(found["windows"]), ["16", "32", "64", "video"])
        self.assertEqual(found["windows"]["16"][0], list(range(16)))
        (self.folder / "bad.mp4").write_text("no video")
        self.refuse(10, ["bad.mp4"], [PROGRAM, "inspect", "bad.mp4", "--json", "-"])

    def test_tells_a_person_and_draws_what_the_encoder_gets(self):
        clip = make_clip(self.folder / "a.avi", frames=20)
        lines = f"{clip}: mpeg4, 96 x 64 pixels, 25 frames/s by its header\n20 frames in 0.800 s\ndecodes as a whole\n"
        self.assertEqual(self.succeed([PROGRAM, "inspect", clip]).stdout, lines)
        self.assertEqual(self.succeed([PROGRAM, "inspect", clip, "--json", "a.json"]).stdout, lines)
        self.assertTrue(self.succeed([PROGRAM, "inspect", clip, "--json", "-"]).stdout.startswith("{"))
        for given, side in (([], 224), (["--encoder", "motion"], 96), (["--size", "50"], 50)):
            said = self.succeed([PROGRAM, "inspect", clip, "--picture", "a.png", "--picture-frames", "3", *given])
            self.assertEqual(said.stdout, lines)
            width, height = struct.unpack(">II", (self.folder / "a.png").read_bytes()[16:24])
            self.assertEqual(width, 3 * side + 4)
            self.assertGreater(height, side + 14)

    def test_doctor_names_ffmpeg(self):
        said = self.succeed([PROGRAM, "doctor"], ranks=2)
        self.assertRegex(said.stdout, r"FFmpeg +libavcodec \d+\.\d+\.\d+ libavformat")
        self.assertIn("All checks passed.", said.stdout)


if __name__ == "__main__":
    unittest.main()
