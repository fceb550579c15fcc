#!/usr/bin/env python3
"""Exports a network of PyTorch for `dejavid_encode --encoder NAME.pt`.

Writes NAME.pt (or .pt2), NAME.json, which says how frames are prepared for it, and NAME.probe.npy, what it gives for
two inputs, which dejavid_encode compares before it begins. A row is what goes into the network's last layer, the
features, and what comes out, the logits. Nothing is written where the exported file gives other rows than the network.

Runs where Python has torch (2.11 is what the programs are linked with), and torchvision or transformers for networks of
theirs. Nothing is downloaded but by transformers, where huggingface: names no folder.

  launch/export_encoder.py --model torchvision:r3d_18 --weights r3d_18.pth --out r3d_18.pt
  launch/export_encoder.py --model huggingface:videomae-base-finetuned --out videomae.pt
  launch/export_encoder.py --model module:mine.py:build --weights mine.pth --kind clip --size 224 --layout NCTHW
      --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 --resize antialias --out mine.pt
"""

import argparse
import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path

import numpy as np

INPUTS = 2
TOLERANCE = 1e-4  # of the largest |value|: what dejavid_encode allows
LAYOUTS = {"clip": ("NCTHW", "NTCHW", "NTHWC"), "frame": ("NCHW", "NHWC")}
# What dejavid_encode takes (src/encoding/encoders/exported_settings.cpp).
MOST_FRAMES, LONGEST_SIDE, MOST_PIXELS, MOST_COLUMNS = 4096, 4096, 1 << 26, 1 << 24


class ExportError(Exception):
    """One line: found; expected; what to do."""


def probe_frames(frames, size):
    """The inputs of the probe, uint8 [INPUTS, frames, size, size, 3], as docs/reference/encoders.md defines them."""
    n, t, y, x, c = np.ogrid[0:INPUTS, 0:frames, 0:size, 0:size, 0:3]
    return ((x * (3 + c) + y * (5 - c) + t * (11 + 2 * n) + 17 * ((x // 8) ^ (y // 8)) + 53 * n) % 256).astype(np.uint8)


def prepared(frames, settings):
    """f32 numbers in the layout of the network, of uint8 frames [N, T, H, W, 3]."""
    numbers = frames.astype(np.float32)
    if settings["scale"] == "0-1":
        numbers /= np.float32(255)
    numbers = (numbers - np.array(settings["mean"], np.float32)) / np.array(settings["std"], np.float32)
    axes = {"N": 0, "T": 1, "H": 2, "W": 3, "C": 4}
    if settings["kind"] == "frame":
        numbers = numbers[:, 0]
        axes = {"N": 0, "H": 1, "W": 2, "C": 3}
    return np.ascontiguousarray(numbers.transpose([axes[axis] for axis in settings["layout"]]))


def torchvision_model(name):
    """The network without weights, and what its own transforms say of how frames are prepared."""
    import torchvision

    try:
        model = torchvision.models.get_model(name, weights=None)
    except ValueError as error:
        raise ExportError(f"torchvision:{name}: found no such network; expected one of torchvision's; {error}") from None
    transforms = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    clip = type(transforms).__name__ == "VideoClassification"
    known = {"kind": "clip" if clip else "frame", "layout": "NCTHW" if clip else "NCHW", "scale": "0-1"}
    known.update(size=transforms.crop_size[0], mean=list(transforms.mean), std=list(transforms.std))
    known["resize"] = "antialias" if getattr(transforms, "antialias", False) else "bilinear"
    return model, known


def huggingface_model(name):
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(name)
    clip = type(config) in transformers.AutoModelForVideoClassification._model_mapping
    automatic = transformers.AutoModelForVideoClassification if clip else transformers.AutoModelForImageClassification
    network = automatic.from_pretrained(name)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(pixel_values=x).logits

    known = {"kind": "clip" if clip else "frame", "layout": "NTCHW" if clip else "NCHW"}
    if getattr(config, "image_size", None) is not None:
        known["size"] = config.image_size if isinstance(config.image_size, int) else config.image_size[0]
    if getattr(config, "num_frames", None) is not None:
        known["frames"] = config.num_frames
    path = Path(name) / "preprocessor_config.json"
    processor = json.loads(path.read_text()) if path.is_file() else {}
    if not processor and not Path(name).is_dir():
        processor = transformers.AutoImageProcessor.from_pretrained(name).to_dict()
    if processor.get("do_normalize", True) and "image_mean" in processor and "image_std" in processor:
        known.update(mean=list(processor["image_mean"]), std=list(processor["image_std"]))
    if processor.get("do_rescale", True) and abs(processor.get("rescale_factor", 1 / 255) - 1 / 255) < 1e-9:
        known["scale"] = "0-1"
    if processor.get("resample") == 2:  # PIL's BILINEAR, which smooths as it shrinks
        known["resize"] = "antialias"
    labels = getattr(config, "id2label", None)
    if labels:
        known["classes"] = [labels[n] for n in range(len(labels))]
    return Logits(), known


def module_model(place):
    file, _, function = place.rpartition(":")
    if not Path(file).is_file() or not function:
        raise ExportError(f"module:{place}: found no such file; expected module:FILE.py:FUNCTION; check the path")
    specification = importlib.util.spec_from_file_location("encoder_module", file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    if not hasattr(module, function):
        raise ExportError(f"{file}: found no function {function}; expected one that returns the network; check its name")
    return getattr(module, function)(), {}


def load_weights(model, file):
    import torch

    state = torch.load(file, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model", "module"):  # what checkpoints of training wrap the weights in
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    missing, unexpected = model.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ExportError(
            f"{file}: found weights without {missing[:3]} and with {unexpected[:3]}; expected those of the network; "
            "give the weights of this network, with the names it has for them"
        )


def find_head(model, numbers):
    """The name of the last layer that gives as many numbers as the network, by having it run once."""
    import torch

    called, hooks = [], []
    for name, layer in model.named_modules():
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)):
            hooks.append(layer.register_forward_hook(lambda layer, _, output, name=name: called.append((name, layer, output))))
    with torch.no_grad():
        output = model(numbers)
    for hook in hooks:
        hook.remove()
    if not isinstance(output, torch.Tensor) or output.dim() != 2:
        raise ExportError("the network: found an output that is no [N, C] tensor; expected one; wrap it and use module:")
    for name, layer, given in reversed(called):
        of_layer = layer.out_features if isinstance(layer, torch.nn.Linear) else layer.out_channels
        if of_layer == output.shape[1]:
            return name
    raise ExportError("the network: found no last layer; expected a Linear or convolution; name it by --head, or say none")


def with_features(model, head):
    """The network whose output is [N, features + logits]."""
    import torch

    class WithFeatures(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model
            self.kept = {}
            layers = dict(model.named_modules())
            if head not in layers:
                raise ExportError(f"--head {head}: found no such layer; expected one of named_modules(); or say none")
            layer = layers[head]
            self.channels_last = isinstance(layer, torch.nn.Linear)
            layer.register_forward_pre_hook(self.keep)

        def keep(self, _, arguments):
            self.kept["features"] = arguments[0]

        def forward(self, x):
            logits = self.model(x)
            features = self.kept.pop("features")
            if features.dim() > 2:  # of places, before they are averaged
                features = features.flatten(1, -2).mean(1) if self.channels_last else features.flatten(2).mean(2)
            return torch.cat([features, logits], 1)

    return WithFeatures()


def rows_of(network, numbers, what):
    import torch

    try:
        with torch.no_grad():
            return network(torch.from_numpy(numbers)).float().numpy()
    except Exception as error:  # whatever torch raises of a network or a trace that cannot have this batch
        raise ExportError(f"{what}: found that torch cannot run it: {one_line(error)}; expected rows; change the network or the --format") from None


def one_line(error):
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()


def check_same(found, expected, features, what):
    if found.shape != expected.shape:
        raise ExportError(f"{what}: found rows of shape {found.shape}; expected {expected.shape}; use the other --format, or change the network")
    for part in (np.s_[:, :features], np.s_[:, features:]):
        if expected[part].size == 0:
            continue
        largest = np.abs(expected[part]).max()
        difference = np.abs(found[part] - expected[part]).max()
        if not difference <= TOLERANCE * largest:
            raise ExportError(
                f"{what}: found rows that are {difference:.2g} from the network's; expected at most {TOLERANCE} of the "
                f"largest, {largest:.3g}; use the other --format, or change the network"
            )


def export(network, example, form, file):
    """Writes the file and returns it as loaded again."""
    import torch

    example = torch.from_numpy(example)
    with torch.no_grad():
        if form == "torchscript":
            torch.jit.trace(network, example, check_trace=False).save(str(file))
            return torch.jit.load(str(file))
        batch = torch.export.Dim("batch", min=1, max=64)
        program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
        torch.export.save(program, str(file))
        return torch.export.load(str(file)).module()


def settings_of(arguments, known):
    """What the JSON says of preparation: the command line before what the network says of itself."""
    settings = dict(known)
    for key in ("kind", "frames", "size", "layout", "scale", "mean", "std", "resize"):
        if getattr(arguments, key) is not None:
            settings[key] = getattr(arguments, key)
    settings.setdefault("scale", "0-1")
    if settings.get("kind") == "frame":
        settings["frames"] = 1
    else:
        settings.setdefault("frames", 16)
    missing = [key for key in ("kind", "size", "layout", "mean", "std", "resize") if key not in settings]
    if missing:
        raise ExportError(
            f"{arguments.model}: found nothing that says its {', '.join(missing)}; expected them; give "
            + " ".join(f"--{key}" for key in missing)
        )
    if settings["layout"] not in LAYOUTS[settings["kind"]]:
        raise ExportError(
            f"--layout {settings['layout']}: found no layout of a {settings['kind']} encoder; expected one of "
            f"{', '.join(LAYOUTS[settings['kind']])}; check --kind as well"
        )
    if arguments.classes:
        settings["classes"] = Path(arguments.classes).read_text(encoding="utf-8").splitlines()
    return settings


def require_input(settings):
    """Refuses preparation that dejavid_encode would refuse."""
    most = MOST_FRAMES if settings["kind"] == "clip" else 1
    for key, largest in (("frames", most), ("size", LONGEST_SIDE)):
        if not 1 <= settings[key] <= largest:
            raise ExportError(f"--{key}: found {settings[key]}; expected 1 to {largest} of a {settings['kind']} encoder; correct it")
    frame = settings["size"] ** 2
    if settings["frames"] * frame > MOST_PIXELS:
        raise ExportError(
            f"--frames: found {settings['frames']} of {settings['size']} x {settings['size']} pixels; expected frames * size^2 of at "
            f"most {MOST_PIXELS}, {MOST_PIXELS // frame} frames of this size; use fewer, or smaller ones"
        )
    for key, positive in (("mean", False), ("std", True)):
        with np.errstate(over="ignore"):
            numbers = np.array(settings[key], np.float32)
        if numbers.shape != (3,) or not np.isfinite(numbers).all() or (positive and not (numbers > 0).all()):
            words = "three positive numbers" if positive else "three numbers"
            raise ExportError(f"--{key}: found {settings[key]}; expected {words} that fit f32, of red, green and blue; correct it")


def require_columns(features, logits):
    """The same of rows."""
    if not (1 <= features <= MOST_COLUMNS and logits <= MOST_COLUMNS):
        raise ExportError(
            f"the network: found {features} features and {logits} logits; expected at least one feature and at most {MOST_COLUMNS} of "
            "either; name another layer by --head"
        )


def parse_arguments(given):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--model", required=True, help="torchvision:NAME, huggingface:FOLDER_OR_NAME or module:FILE.py:FUNCTION")
    add("--weights", help="state dict of the network (torch.save); without it torchvision's and module's are as they are made")
    add("--out", required=True, help="NAME.pt, or NAME.pt2 with --format export")
    add("--format", choices=("torchscript", "export"), default="torchscript", help="default: torchscript")
    add("--head", help="the layer whose input is the features (default: the last that gives the logits); none: the output is the features")
    add("--kind", choices=("clip", "frame"), help="whether it takes clips or single frames")
    add("--frames", type=int, help="of a clip (default 16)")
    add("--size", type=int, help="pixels of a side")
    add("--layout", help="order of the input's axes: NCTHW, NTCHW, NTHWC; of frames NCHW, NHWC")
    add("--scale", choices=("0-1", "0-255"), help="of levels before the mean is taken off (default 0-1)")
    add("--mean", type=float, nargs=3)
    add("--std", type=float, nargs=3)
    add("--resize", choices=("antialias", "bilinear"), help="as torchvision and PIL, or as OpenCV's INTER_LINEAR")
    add("--classes", help="file with a logit's name on each line")
    return parser.parse_args(given)


def main(given=None):
    arguments = parse_arguments(given)
    suffix = {"torchscript": ".pt", "export": ".pt2"}[arguments.format]
    out = Path(arguments.out)
    if out.suffix != suffix:
        raise ExportError(f"--out {out}: found another ending; expected {suffix} of --format {arguments.format}; name it so")
    try:
        out.stem.encode()
    except UnicodeEncodeError:
        raise ExportError(f"--out {out.name!a}: found a name that is not UTF-8; expected UTF-8, since a store names its encoder; use another") from None
    source, _, place = arguments.model.partition(":")
    makers = {"torchvision": torchvision_model, "huggingface": huggingface_model, "module": module_model}
    if source not in makers or not place:
        raise ExportError(f"--model {arguments.model}: found no source; expected torchvision:, huggingface: or module:; name one")
    try:
        import torch

        model, known = makers[source](place)
    except ImportError as error:
        raise ExportError(f"Python: found that {error}; expected torch, and torchvision or transformers for theirs; install them") from None
    settings = settings_of(arguments, known)
    require_input(settings)
    if arguments.weights:
        load_weights(model, arguments.weights)
    model = model.float().eval().requires_grad_(False)
    torch.manual_seed(0)

    numbers = prepared(probe_frames(settings["frames"], settings["size"]), settings)
    if arguments.head == "none":
        network, logits = model, 0
        settings.pop("classes", None)
    else:
        head = arguments.head or find_head(model, torch.from_numpy(numbers[:1]))
        network = with_features(model, head).eval()
        with torch.no_grad():
            logits = model(torch.from_numpy(numbers[:1])).shape[1]
    rows = np.concatenate([rows_of(network, numbers[n : n + 1], "the network at batch 1") for n in range(INPUTS)])
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ExportError("the network: found an output that is no [N, F] tensor of finite numbers; expected one; wrap it and use module:")
    features = rows.shape[1] - logits
    require_columns(features, logits)
    if "classes" in settings and len(settings["classes"]) != logits:
        raise ExportError(f"classes: found {len(settings['classes'])} names; expected {logits}, one a logit; correct --classes")
    check_same(rows_of(network, numbers, "the network at batch 2"), rows, features, "the network at batch 2")

    unfinished = out.with_name(f"{out.stem}.unfinished{suffix}")
    try:
        try:
            loaded = export(network, numbers, arguments.format, unfinished)
        except Exception as error:  # whatever torch raises of a network that it cannot export
            raise ExportError(f"the network: found that torch cannot export it: {one_line(error)}; expected one that it can; use the other --format, or change the network") from None
        for first, end in ((0, 1), (1, 2), (0, 2)):
            what = f"the exported file at batch {end - first}"
            check_same(rows_of(loaded, numbers[first:end], what), rows[first:end], features, what)
        probe = out.with_name(f"{out.stem}.probe.npy")
        np.save(probe, rows.astype(np.float32))
        description = {key: settings[key] for key in ("frames", "size", "layout", "scale", "mean", "std", "resize", "kind")}
        description.update(features=features, logits=logits, sha256=hashlib.sha256(unfinished.read_bytes()).hexdigest(), probe=probe.name)
        if "classes" in settings:
            description["classes"] = settings["classes"]
        out.with_suffix(".json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
        os.replace(unfinished, out)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"{out}: {features} features and {logits} logits of a {settings['kind']}, {settings['frames']} x {settings['size']} pixels, {settings['layout']}")


if __name__ == "__main__":
    try:
        main()
    except ExportError as error:
        print(f"export_encoder.py: {error}", file=sys.stderr)
        sys.exit(1)
