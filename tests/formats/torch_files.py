"""Writes what torch.save writes, without torch: a zip of a protocol-2 pickle and the storages it refers to."""

import collections
import pickle
import sys
import types
import zipfile

import numpy as np

STORAGES = {"<f2": "HalfStorage", "<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage", "bf16": "BFloat16Storage"}


def _module(name):
    return sys.modules.setdefault(name, types.ModuleType(name))


def _named(module, name, thing):
    thing.__module__, thing.__qualname__, thing.__name__ = module, name, name
    setattr(_module(module), name, thing)
    return thing


def _rebuild(*_):
    raise NotImplementedError


rebuild_tensor = _named("torch._utils", "_rebuild_tensor_v2", _rebuild)
storage_types = {code: _named("torch", name, type(name, (), {})) for code, name in STORAGES.items()}


class Storage:
    def __init__(self, data, code, count):
        self.data, self.code, self.count = data, code, count


class Tensor:
    """A tensor over a storage of its own, with any strides (in elements)."""

    def __init__(self, storage, shape, strides, offset=0):
        self.state = storage, offset, shape, strides

    def __reduce__(self):
        storage, offset, shape, strides = self.state
        return rebuild_tensor, (storage, offset, tuple(shape), tuple(strides), False, collections.OrderedDict())


def tensor(array):
    array = np.asarray(array)
    flat = array.ravel(order="K")
    return Tensor(Storage(flat.tobytes(), array.dtype.str, flat.size), array.shape, [s // array.itemsize for s in array.strides])


def bfloat16(array):
    """Cut, not rounded: `array` must be exact in bfloat16."""
    bits = (np.asarray(array, "<f4").view("<u4") >> 16).astype("<u2")
    return Tensor(Storage(bits.tobytes(), "bf16", bits.size), array.shape, [array.shape[1], 1])


class _Pickler(pickle.Pickler):
    def __init__(self, file, device):
        super().__init__(file, protocol=2)
        self.storages, self.device = [], device

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        self.storages.append(thing)
        return "storage", storage_types[thing.code], str(len(self.storages) - 1), self.device, thing.count


def save(content, path, device="cpu"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("archive/data.pkl", "w") as file:
            pickler = _Pickler(file, device)
            pickler.dump(content)
        archive.writestr("archive/byteorder", "little")
        for key, storage in enumerate(pickler.storages):
            archive.writestr(f"archive/data/{key}", storage.data)
        archive.writestr("archive/version", "3\n")
