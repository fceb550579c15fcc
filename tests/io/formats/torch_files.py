"""Writes what torch.save writes, without torch: a zip of a protocol-2 pickle and the storages it refers to."""

import collections
import pickle
import sys
import types
import zipfile

import numpy as np

STORAGES = {
    "<f2": "HalfStorage",
    "<f4": "FloatStorage",
    "<f8": "DoubleStorage",
    "<i8": "LongStorage",
    "<c8": "ComplexFloatStorage",
    "bf16": "BFloat16Storage",
}


def _module(name):
    return sys.modules.setdefault(name, types.ModuleType(name))


def _named(module, name, thing):
    thing.__module__, thing.__qualname__, thing.__name__ = module, name, name
    setattr(_module(module), name, thing)
    return thing


def _rebuild(*_):
    raise NotImplementedError


def function(module, name):
    """A function of torch by its name, to stand in a pickle."""
    return _named(module, name, type(_rebuild)(_rebuild.__code__, {}))


rebuild_tensor = function("torch._utils", "_rebuild_tensor_v2")
tensor_class = _named("torch", "Tensor", type("Tensor", (), {}))
storage_types = {code: _named("torch", name, type(name, (), {})) for code, name in STORAGES.items()}


class Storage:
    def __init__(self, data, code, count):
        self.data, self.code, self.count = data, code, count


class Tensor:
    """A tensor over a storage, with any strides (in elements); `marks` are those of a lazy view, as {"neg": True}."""

    def __init__(self, storage, shape, strides, offset=0, marks=None):
        self.state, self.marks = (storage, offset, shape, strides), marks

    def __reduce__(self):
        storage, offset, shape, strides = self.state
        marks = () if self.marks is None else (self.marks,)
        return rebuild_tensor, (storage, offset, tuple(shape), tuple(strides), False, collections.OrderedDict(), *marks)


class Call:
    """Anything that a function or class makes of its arguments, with the state it is given."""

    def __init__(self, called, *arguments, state=None):
        self.parts = called, arguments, state

    def __reduce__(self):
        return self.parts if self.parts[2] is not None else self.parts[:2]


def parameter(tensor):
    return Call(function("torch._utils", "_rebuild_parameter"), tensor, True, collections.OrderedDict())


def tensor(array, marks=None):
    array = np.asarray(array)
    flat = array.ravel(order="K")
    strides = [s // array.itemsize for s in array.strides]
    return Tensor(Storage(flat.tobytes(), array.dtype.str, flat.size), array.shape, strides, marks=marks)


def bfloat16(array):
    """Cut, not rounded: `array` must be exact in bfloat16."""
    bits = (np.asarray(array, "<f4").view("<u4") >> 16).astype("<u2")
    return Tensor(Storage(bits.tobytes(), "bf16", bits.size), array.shape, [array.shape[1], 1])


class _Pickler(pickle.Pickler):
    def __init__(self, file, device, protocol):
        super().__init__(file, protocol=protocol)
        self.storages, self.device = [], device

    def persistent_id(self, thing):
        if not isinstance(thing, Storage):
            return None
        if thing not in self.storages:
            self.storages.append(thing)
        return "storage", storage_types[thing.code], str(self.storages.index(thing)), self.device, thing.count


def save(content, path, device="cpu", big_endian=False, protocol=2, compression=zipfile.ZIP_STORED, **records):
    """`records` stand in the place of those that torch writes beside the tensors; None leaves one out."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        with archive.open("archive/data.pkl", "w") as file:
            pickler = _Pickler(file, device, protocol)
            pickler.dump(content)
        for key, storage in enumerate(pickler.storages):
            width = len(storage.data) // max(storage.count, 1)
            data = np.frombuffer(storage.data, f"u{width}").byteswap().tobytes() if big_endian else storage.data
            archive.writestr(f"archive/data/{key}", data)
        marks = {"byteorder": "big" if big_endian else "little", "version": "3\n", ".format_version": "1", ".storage_alignment": "64"}
        for name, text in {**marks, ".data/serialization_id": "0" * 40, **records}.items():
            if text is not None:
                archive.writestr(f"archive/{name}", text)
