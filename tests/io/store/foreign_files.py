"""Makes stores and model files with h5py, as users and accidents make them: python foreign_files.py FOLDER.

Writes FOLDER/stores.tsv and FOLDER/models.tsv, one line a file: name, phase ("ok", "open" or "read": where it must be refused),
and what the refusal must say, parts divided by "|".
"""
import struct
import sys
from pathlib import Path

import h5py
import numpy as np

LENGTHS = [2, 3, 1, 4, 2]
ROWS, DIM = sum(LENGTHS), 4


def features():
    return (np.arange(ROWS)[:, None] + 0.25 * np.arange(DIM)[None, :]).astype("<f4")


def store_parts():
    attributes = dict(format="dejavid-tse", version=1, feature_dim=DIM, num_classes=3, encoder="by hand", source="foreign_files.py", complete=1)
    datasets = dict(
        features=features(),
        offsets=np.concatenate([[0], np.cumsum(LENGTHS)]).astype("i8"),
        labels=np.array([0, 1, 2, 0, 1], "i4"),
        split=np.array([0, 0, 0, 1, 2], "u1"),
        ids=np.array([b"a", b"bb", b"ccc", b"d", b"e"]),
        class_names=np.array([b"one", b"two", b"three"]),
    )
    return attributes, datasets


def model_parts():
    values = np.arange(3 * 2 * 4).reshape(3, 2, 4).astype("<f4")
    return dict(format="dejavid-model", version=1), dict(centroids=values, log_weights=-values, class_names=np.array([b"one", b"two", b"three"]))


def write(path, attributes, datasets, options, late):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            if value is not None:
                file.create_dataset(name, data=value, **options.get(name, {}))
        for name, value in attributes.items():
            if value is not None:
                file.attrs[name] = value
        if late:
            late(file)


class Cases:
    def __init__(self, folder, kind, parts):
        self.folder, self.kind, self.parts, self.lines = folder, kind, parts, []

    def add(self, name, phase="open", says=(), options=None, late=None, attributes=None, **datasets):
        base_attributes, base_datasets = self.parts()
        base_attributes.update(attributes or {})
        base_datasets.update(datasets)
        write(self.folder / f"{name}.h5", base_attributes, base_datasets, options or {}, late)
        self.lines.append("\t".join([name + ".h5", phase, "|".join(says)]))

    def close(self):
        (self.folder / f"{self.kind}.tsv").write_text("\n".join(self.lines) + "\n")


def bfloat16_features(file):
    """Zeros of a type with 8 bits of exponent, which only HDF5's own interface makes."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    dataset = h5py.h5d.create(file.id, b"features", kind, h5py.h5s.create_simple((ROWS, DIM)))
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.zeros((ROWS, DIM), "f4"))


def digests(values):
    """XXH64 of each sample."""
    return np.array([xxh64(values[a:b].tobytes()) for a, b in zip(np.cumsum([0] + LENGTHS), np.cumsum(LENGTHS))], "u8")


def xxh64(data, seed=0):
    """XXH64 from its specification."""
    m = (1 << 64) - 1
    p1, p2, p3, p4, p5 = 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261
    rotate = lambda x, r: ((x << r) | (x >> (64 - r))) & m
    turn = lambda acc, lane: rotate((acc + lane * p2) & m, 31) * p1 & m
    at, size = 0, len(data)
    if size >= 32:
        lanes = [(seed + p1 + p2) & m, (seed + p2) & m, seed, (seed - p1) & m]
        while at + 32 <= size:
            lanes = [turn(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        h = sum(rotate(lane, r) for lane, r in zip(lanes, (1, 7, 12, 18))) & m
        for lane in lanes:
            h = ((h ^ turn(0, lane)) * p1 + p4) & m
    else:
        h = (seed + p5) & m
    h = (h + size) & m
    while at + 8 <= size:
        h = (rotate(h ^ turn(0, struct.unpack_from("<Q", data, at)[0]), 27) * p1 + p4) & m
        at += 8
    if at + 4 <= size:
        h = (rotate(h ^ (struct.unpack_from("<I", data, at)[0] * p1 & m), 23) * p2 + p3) & m
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ (byte * p5 & m), 11) * p1 & m
    h = (h ^ (h >> 33)) * p2 & m
    h = (h ^ (h >> 29)) * p3 & m
    return h ^ (h >> 32)


def padded_texts(texts, width, padding):
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(width)
    kind.set_strpad(padding)
    fill = b" " if padding == h5py.h5t.STR_SPACEPAD else b"\0"

    def late(file):
        space = h5py.h5s.create_simple((len(texts),))
        dataset = h5py.h5d.create(file.id, b"ids", kind, space)
        raw = np.frombuffer(b"".join(text.ljust(width, fill) for text in texts), f"S{width}")
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.frombuffer(raw.tobytes(), f"V{width}"), mtype=kind)

    return late


def stores(folder):
    cases = Cases(folder, "stores", store_parts)
    add = cases.add
    f = features()

    # What must be read.
    add("plain", "ok")
    add("digests", "ok", digests=digests(f))
    add("complete_bool", "ok", attributes=dict(complete=np.bool_(True)))
    add("fixed_text", "ok", attributes=dict(format=np.bytes_("dejavid-tse"), encoder=np.bytes_("e")))
    add("small_integers", "ok", attributes=dict(version=np.uint8(1), feature_dim=np.int16(DIM), num_classes=np.uint64(3), complete=np.int8(1)))
    add("one_element_attributes", "ok", attributes=dict(version=np.array([1]), format=np.array([b"dejavid-tse"])))
    add("no_encoder", "ok", attributes=dict(encoder=None, source=None))
    add("wide_labels", "ok", labels=np.array([0, 1, 2, 0, 1]), split=np.array([0, 0, 0, 1, 2]), offsets=np.array([0, 2, 5, 6, 10, 12], ">i4"))
    add("big_endian", "ok", features=f.astype(">f4"), digests=digests(f))
    add("half", "ok", features=f.astype("<f2"), digests=digests(f.astype("<f2")))
    add("half_big_endian", "ok", features=f.astype(">f2"), digests=digests(f.astype("<f2")))
    add("gzip", "ok", options=dict(features=dict(compression="gzip", shuffle=True, fletcher32=True)))
    add("chunks_across_features", "ok", options=dict(features=dict(chunks=(5, 3))))
    add("utf8_ids", "ok", ids=np.array(["ä".encode(), b"b", "日本".encode(), b"d", b"e"]))
    add("space_padded", "ok", ids=None, late=padded_texts([b"a", b"bb", b"ccc", b"d", b"e"], 5, h5py.h5t.STR_SPACEPAD))
    add("null_terminated", "ok", ids=None, late=padded_texts([b"a", b"bb", b"ccc", b"d", b"e"], 5, h5py.h5t.STR_NULLTERM))
    add("phases", "ok", frame_labels=np.full(ROWS, -1, "i4"), timestamps=np.zeros(ROWS))
    add("phase_names", "ok", frame_labels=np.arange(ROWS, dtype="i4") % 3 - 1, phase_names=np.array([b"reach", b"lift"]))
    add("more_than_asked", "ok", notes=np.zeros(3), late=lambda file: file.create_group("group"))
    add("one_class", "ok", class_names=np.array([b"one"]), labels=np.zeros(5, "i4"), attributes=dict(num_classes=1))
    with h5py.File(folder / "newest.h5", "w", libver="latest") as file:
        attributes, datasets = store_parts()
        for name, value in datasets.items():
            file.create_dataset(name, data=value, chunks=True, fletcher32=value.dtype.kind != "S")
        file.attrs.update(attributes)
    cases.lines.append("newest.h5\tok\t")

    # Attributes.
    add("no_format", says=["attribute format", "found none", '"dejavid-tse"'], attributes=dict(format=None))
    add("other_format", says=['"dejavid-model"', '"dejavid-tse"'], attributes=dict(format="dejavid-model"))
    add("format_number", says=["attribute format", "found i64", "text"], attributes=dict(format=1))
    add("version_2", says=["attribute version", "found 2; expected 1"], attributes=dict(version=2))
    add("no_version", says=["attribute version", "found none"], attributes=dict(version=None))
    add("not_complete", says=["attribute complete", "not finished", "make it again"], attributes=dict(complete=None))
    add("complete_0", says=["found 0; expected 1", "not finished"], attributes=dict(complete=0))
    add("complete_false", says=["found 0; expected 1", "not finished"], attributes=dict(complete=np.bool_(False)))
    add("no_feature_dim", says=["attribute feature_dim", "found none"], attributes=dict(feature_dim=None))
    add("feature_dim_real", says=["attribute feature_dim", "found f64", "an integer"], attributes=dict(feature_dim=4.0))
    add("feature_dim_0", says=["feature_dim", "found 0"], attributes=dict(feature_dim=0))
    add("feature_dim_5", says=[":features:", "found 4 features", "expected 5"], attributes=dict(feature_dim=5))
    add("feature_dim_two", says=["attribute feature_dim", "found 2 values"], attributes=dict(feature_dim=np.array([4, 4])))
    add("num_classes_2", says=["class_names", "found 3 names", "expected 2"], attributes=dict(num_classes=2))
    add("num_classes_0", says=["expected 0 (num_classes), at least one"], class_names=np.zeros(0, "S1"), attributes=dict(num_classes=0))
    add("num_classes_huge", says=["class_names"], attributes=dict(num_classes=2**62))

    # Missing and malformed datasets.
    for name in ("features", "offsets", "labels", "split", "ids", "class_names"):
        add(f"no_{name}", says=[f":{name}: found nothing"], **{name: None})
        add(f"group_{name}", says=[f":{name}: found another kind of object"], late=lambda file, name=name: file.create_group(name), **{name: None})
    add("features_rank_1", says=["features", "found shape [48]", "two dimensions"], features=f.ravel())
    add("features_rank_3", says=["found shape [12,4,1]"], features=f[:, :, None])
    add("features_f64", says=[":features: found f64; expected f32 or f16"], features=f.astype("f8"))
    add("features_bf16", says=[":features: found a 16-bit float that is not IEEE's (bf16?); expected f32 or f16"], features=None, late=bfloat16_features)
    add("features_i32", says=[":features: found i32"], features=f.astype("i4"))
    add("features_u8", says=[":features: found u8"], features=f.astype("u1"))
    add("labels_rank_2", says=[":labels: found shape [5,1]"], labels=np.zeros((5, 1), "i4"))
    add("labels_scalar", says=[":labels: found shape []"], labels=np.int32(0))
    add("labels_real", says=[":labels: found f64; expected integers"], labels=np.zeros(5))
    add("labels_text", says=[":labels: found text"], labels=np.array([b"a"] * 5))
    add("ids_numbers", says=[":ids: found i64; expected text"], ids=np.arange(5))
    add("ids_variable", says=[":ids: found text of variable length", "NumPy 'S'"], ids=None,
        late=lambda file: file.create_dataset("ids", data=["a", "b", "c", "d", "e"], dtype=h5py.string_dtype()))
    add("features_variable", says=[":features: found elements of variable length"], features=None,
        late=lambda file: file.create_dataset("features", (5,), dtype=h5py.vlen_dtype(np.float32)))
    add("labels_references", says=[":labels: found references"], labels=None,
        late=lambda file: file.create_dataset("labels", data=[file.ref] * 5, dtype=h5py.ref_dtype))
    add("labels_compound", says=[":labels: found compound"], labels=np.zeros(5, [("a", "i4")]))
    add("labels_null", says=[":labels: found an empty dataset"], labels=h5py.Empty("i4"))
    add("ids_nul_within", says=[":ids:1: found a NUL within text"], ids=np.array([b"a", b"b\0b", b"c", b"d", b"e"], dtype="S3"))
    add("ids_latin1", says=[":ids:0: found bytes that are no text", "UTF-8"], ids=np.array([b"\xe4", b"b", b"c", b"d", b"e"]))

    # Contradictions.
    add("label_too_large", says=[":labels:sample 2: found 3; expected 0 to 2"], labels=np.array([0, 1, 3, 0, 1], "i4"))
    add("label_negative", says=[":labels:sample 1: found -1"], labels=np.array([0, -1, 2, 0, 1], "i4"))
    add("label_unsigned_huge", says=[":labels:sample 0"], labels=np.array([2**64 - 1, 1, 2, 0, 1], "u8"))
    add("labels_several", says=[":labels:samples 0, 1, 4: found 3, -1, 7; expected 0 to 2"], labels=np.array([3, -1, 2, 0, 7], "i4"))
    many = store_parts()[1]
    many.update(features=np.ones((8, DIM), "f4"), offsets=np.arange(9), split=np.zeros(8, "u1"), ids=np.array([b"%d" % n for n in range(8)]))
    add("labels_many", says=[":labels:samples 0, 1, 2, 3, 4 and 3 more: found 9, 9, 9, 9, 9 and 3 more;"], **{**many, "labels": np.full(8, 9, "i4")})
    add("split_3", says=[":split:sample 4: found 3; expected 0 to 2"], split=np.array([0, 0, 0, 1, 3], "u1"))
    add("offsets_from_1", says=[":offsets: found 1 at the start"], offsets=np.array([1, 2, 5, 6, 10, 12]))
    add("offsets_decreasing", says=[":offsets:sample 1 (bb): found rows 6 to 5"], offsets=np.array([0, 6, 5, 6, 10, 12]))
    add("offsets_zero_length", says=[":offsets:sample 2 (ccc): found rows 5 to 5", "at least one step"], offsets=np.array([0, 2, 5, 5, 10, 12]))
    add("offsets_short", says=[":offsets: found 11 at the end; expected 12"], offsets=np.array([0, 2, 5, 6, 10, 11]))
    add("offsets_beyond", says=[":offsets: found 13 at the end"], offsets=np.array([0, 2, 5, 6, 10, 13]))
    add("offsets_count", says=[":offsets: found 5 entries; expected 6"], offsets=np.array([0, 2, 5, 6, 12]))
    add("split_count", says=[":split: found 4 entries; expected 5"], split=np.zeros(4, "u1"))
    add("ids_count", says=[":ids: found 4 entries; expected 5"], ids=np.array([b"a", b"b", b"c", b"d"]))
    add("digests_count", says=[":digests: found 4 entries; expected 5"], digests=np.zeros(4, "u8"))
    add("digests_signed", says=[":digests: found i64; expected u64"], digests=np.zeros(5, "i8"))
    add("frame_labels_count", says=[":frame_labels: found 11 entries; expected 12"], frame_labels=np.zeros(11, "i4"))
    add("frame_labels_real", says=[":frame_labels: found f64"], frame_labels=np.zeros(ROWS))
    add("phase_beyond_32_bits", "read", says=["found phase 10000000000 at step 0; expected numbers of 32 bits"], frame_labels=np.full(ROWS, 10**10, "i8"))
    add("phase_beyond_64_bits", "read", says=["expected numbers of 32 bits"], frame_labels=np.full(ROWS, 2**63 + 5, "u8"))
    add("phase_below_none", "read", says=["found phase -2 at step 0; expected -1, none, or a number from 0 on"], frame_labels=np.full(ROWS, -2, "i4"))
    add("phase_names_twice", says=[":phase_names: found \"a\" twice"], phase_names=np.array([b"a", b"a"]))
    add("phase_names_numbers", says=[":phase_names: found i64; expected text"], phase_names=np.arange(2))
    add("timestamps_count", says=[":timestamps: found 13 entries"], timestamps=np.zeros(13))
    add("timestamps_integers", says=[":timestamps: found i64"], timestamps=np.zeros(ROWS, "i8"))
    add("ids_twice", says=[':ids:sample 3: found "a" again (of val, before it of train as sample 0 of '], ids=np.array([b"a", b"bb", b"ccc", b"a", b"e"]))
    add("ids_several", says=[':ids:samples 1, 2, 4: found "a", "a", "b" again (the first is of train, before it of train as sample 0 of '],
        ids=np.array([b"a", b"a", b"a", b"b", b"b"]))
    add("no_samples", says=["no samples"], features=np.zeros((0, DIM), "f4"), offsets=np.zeros(1, "i8"), labels=np.zeros(0, "i4"), split=np.zeros(0, "u1"),
        ids=np.zeros(0, "S1"))

    # Data that are not in the file.
    def virtual(file):
        layout = h5py.VirtualLayout((ROWS, DIM), "f4")
        layout[:] = h5py.VirtualSource("gone.h5", "features", (ROWS, DIM))
        file.create_virtual_dataset("features", layout)

    def soft(file):
        file["elsewhere"] = f
        file["features"] = h5py.SoftLink("/elsewhere")

    def external_link(file):
        file["labels"] = h5py.ExternalLink("plain.h5", "/labels")

    add("virtual", says=[":features: found a virtual dataset"], features=None, late=virtual)
    add("soft_link", says=[":features: found a soft link"], features=None, late=soft)
    add("external_link", says=[":labels: found an external link"], labels=None, late=external_link)
    add("external_storage", says=[":features: found external storage"], features=None,
        late=lambda file: file.create_dataset("features", (ROWS, DIM), "f4", external=[(str(folder / "raw.bin"), 0, ROWS * DIM * 4)]).__setitem__(..., f))
    add("lzf", says=[":features: found filter 32000", "deflate, shuffle and fletcher32"], options=dict(features=dict(compression="lzf")))
    add("scale_offset", says=[":labels: found filter 6"], options=dict(labels=dict(scaleoffset=0)))

    def half_written(file):
        dataset = file.create_dataset("features", (ROWS, DIM), "f4", chunks=(4, DIM))
        dataset[:8] = f[:8]

    add("unwritten_chunk", says=[":features: found 2 of 3 chunks written"], features=None, late=half_written)
    add("never_written", says=[":features: found no data, only a shape"], features=None, late=lambda file: file.create_dataset("features", (ROWS, DIM), "f4"))
    add("never_written_chunks", says=[":labels: found no data"], labels=None, late=lambda file: file.create_dataset("labels", (5,), "i4", chunks=(5,)))
    add("bomb", says=[":labels: found no data"], labels=None, late=lambda file: file.create_dataset("labels", (1 << 50,), "i4", chunks=(1 << 20,)))
    add("bomb_beyond", says=[":labels: found"], labels=None, late=lambda file: file.create_dataset("labels", (1 << 62,), "i4", chunks=(1 << 20,)))

    # What only reading shows.
    for name, row, column, value in (("nan", 0, 0, np.nan), ("infinite", ROWS - 1, DIM - 1, np.inf), ("minus_infinite", 5, 2, -np.inf)):
        bad = f.copy()
        bad[row, column] = value
        sample = int(np.searchsorted(np.cumsum(LENGTHS), row, side="right"))
        step = row - int(np.concatenate([[0], np.cumsum(LENGTHS)])[sample])
        add(name, "read", [f":features:sample {sample} (", f"found {value} at step {step}, feature {column}"], features=bad, digests=digests(bad))
        add(name + "_half", "read", [f"found {value} at step {step}, feature {column}"], features=bad.astype("f2"))
    wrong = digests(f)
    wrong[3] ^= np.uint64(1)
    add("wrong_digest", "read", [":features:sample 3 (d): found content of digest", f"{int(wrong[3]):016x}"], digests=wrong)
    add("nan_timestamp", "read", [":timestamps:sample 1 (bb): found nan at step 0"], timestamps=np.where(np.arange(ROWS) == 2, np.nan, 0.0))
    cases.close()


def models(folder):
    cases = Cases(folder, "models", model_parts)
    add = cases.add
    values = model_parts()[1]["centroids"]
    add("model", "ok")
    add("model_attributes", "ok", attributes=dict(diagonal=np.bool_(False), epoch=np.int32(-1), val_top1=np.float32(0), val_top5=0, config=""))
    add("model_big_endian", "ok", centroids=values.astype(">f4"))
    add("model_no_format", says=["attribute format", "found none"], attributes=dict(format=None))
    add("model_of_a_store", says=['"dejavid-tse"', '"dejavid-model"'], attributes=dict(format="dejavid-tse"))
    add("model_version_2", says=["attribute version: found 2; expected 1"], attributes=dict(version=2))
    for name in ("centroids", "log_weights", "class_names"):
        add(f"model_no_{name}", says=[f":{name}: found nothing"], **{name: None})
    add("model_f64", says=[":centroids: found f64; expected f32"], centroids=values.astype("f8"))
    add("model_rank", says=[":centroids: found shape [6,4]; expected three"], centroids=values.reshape(6, 4))
    add("model_shapes", says=[":log_weights: found shape [3,4,2]; expected [3,2,4]"], log_weights=values.reshape(3, 4, 2))
    add("model_names", says=["class_names", "found 2", "expected 3"], class_names=np.array([b"one", b"two"]))
    add("model_one_class", says=["found shape [1,2,4]", "at least 2 classes"], centroids=values[:1], log_weights=values[:1], class_names=np.array([b"one"]))
    add("model_digest", says=["attribute digest", "0000000000000007"], attributes=dict(digest=np.uint64(7)))
    add("model_training_empty", says=[":training:attribute epoch: found none"], late=lambda file: file.create_group("training"))
    add("model_training_dataset", says=[":training: found another kind"], training=np.zeros(3))
    bad = values.copy()
    bad[2, 1, 3] = np.nan
    add("model_nan", "read", [":centroids: found nan at class 2, step 1, feature 3"], centroids=bad)
    add("model_infinite", "read", [":log_weights: found inf at class 0, step 0, feature 0"], log_weights=np.where(values == 0, np.inf, values))
    cases.close()


if __name__ == "__main__":
    stores(Path(sys.argv[1]))
    models(Path(sys.argv[1]))
