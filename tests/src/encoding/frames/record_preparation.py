"""Prints the table of frame_preparation_test.cpp: what torchvision and OpenCV make of a formula's image.

Needs Python's torch, torchvision and opencv; the table was made by torchvision 0.26.0 on torch 2.11.0 and by OpenCV 5.0.0.
"""

import cv2
import numpy as np
import torch
import torchvision.transforms.v2.functional as transforms

SIZE = 224
SIZES = [(96, 96), (320, 240), (341, 256), (175, 301), (97, 65), (640, 272), (224, 224), (527, 224), (224, 311), (448, 448),
         (3, 2), (1280, 720), (1, 100)]  # fmt: skip
TURNED = [(341, 256), (176, 301), (301, 175)]


def image(width, height):
    """Noise: no pixel tells of its neighbours."""
    y, x, colour = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    mixed = (x * 73856093 ^ y * 19349663 ^ colour * 83492791) & 0xFFFFFFFF
    return (mixed * 2654435761 >> 24 & 0xFF).astype(np.uint8)


def prepared(pixels, kind, rotation):
    height, width = pixels.shape[:2]
    shorter = min(width, height)
    target = int(SIZE * height / shorter), int(SIZE * width / shorter)
    if kind == "antialias":
        scaled = transforms.resize(torch.from_numpy(pixels).permute(2, 0, 1), [SIZE], antialias=True).permute(1, 2, 0).numpy()
        assert scaled.shape[:2] == target
    else:
        scaled = cv2.resize(pixels, target[::-1], interpolation=cv2.INTER_LINEAR)
    upright = np.rot90(scaled, -rotation // 90)
    top, left = (round((side - SIZE) / 2) for side in upright.shape[:2])
    return upright[top : top + SIZE, left : left + SIZE]


def fnv(values):
    digest = 0xCBF29CE484222325
    for byte in values.tobytes():
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest


if __name__ == "__main__":
    for width, height, rotation in [(*size, 0) for size in SIZES] + [(*size, turn) for size in TURNED for turn in (90, 180, 270)]:
        digests = [fnv(prepared(image(width, height), kind, rotation)) for kind in ("antialias", "bilinear")]
        print(f"    {{{width}, {height}, {rotation}, {digests[0]:#018x}U, {digests[1]:#018x}U}},")
