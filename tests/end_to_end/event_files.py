"""Reads an event file of TensorBoard: frames and checksums of its records, and what metrics.jsonl should make of it."""

import json
import struct
from pathlib import Path

NAME = "tensorboard/events.out.tfevents.metrics"


def masked_checksum(content):
    """CRC-32C bit by bit, turned and offset as TFRecords have it."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def messages(content):
    """The content of every record; AssertionError where a frame or a checksum is wrong."""
    at = 0
    while at < len(content):
        (length,), header = struct.unpack_from("<Q", content, at), content[at : at + 8]
        (of_length,) = struct.unpack_from("<I", content, at + 8)
        body = content[at + 12 : at + 12 + length]
        (of_body,) = struct.unpack_from("<I", content, at + 12 + length)
        assert of_length == masked_checksum(header) and of_body == masked_checksum(body), f"checksums of the record at {at}"
        yield body
        at += 16 + length


def variable_length(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def fields(message):
    """(number, value) of every field of a message of protocol buffers."""
    at = 0
    while at < len(message):
        key, at = variable_length(message, at)
        if key & 7 == 0:
            value, at = variable_length(message, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<d", message, at)[0], at + 8
        elif key & 7 == 5:
            value, at = struct.unpack_from("<f", message, at)[0], at + 4
        else:
            length, at = variable_length(message, at)
            value, at = message[at : at + length], at + length
        yield key >> 3, value


def read_scalars(path):
    """[(time, step, {tag: value})], one of every record that holds scalars."""
    events = []
    for number, message in enumerate(messages(Path(path).read_bytes())):
        event = dict(fields(message))
        if number == 0:
            assert event[3] == b"brain.Event:2", event
            continue
        values = [dict(fields(value)) for field, value in fields(event[5]) if field == 1]
        if any(2 in value for value in values):
            events.append((event[1], event[2], {value[1].decode(): value[2] for value in values}))
    return events


def expected_scalars(run_dir):
    """The same, as the lines of metrics.jsonl ask for it."""
    single = lambda value: struct.unpack("<f", struct.pack("<f", value))[0]
    events, step, of_steps = [], 0, set()
    for line in (Path(run_dir) / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        time = record.pop("time")
        is_step = record.pop("event") == "step"
        record.pop("epoch")
        step = record.pop("step", step)
        of_steps |= set(record) if is_step else set()
        scalars = {}
        for name, value in record.items():
            prefix, _, score = name.partition("_")
            if is_step:
                tag = f"train/{name}"
            elif prefix == "train":
                tag = f"train/epoch_{score}" if score in of_steps else f"train/{score}"
            elif prefix == "val":
                tag = f"val/{score}"
            else:
                tag = "speed/epoch_seconds" if name == "seconds" else f"speed/{name}"
            if value is not None:
                scalars[tag] = single(value)
        events.append((time, step, scalars))
    return events
