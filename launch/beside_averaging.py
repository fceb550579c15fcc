"""Prints the top-1 of an `eval --json` beside that of averaging over time and of chance: python beside_averaging.py JSON."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    result = json.load(file)
averaging = result.get("supersampling_top1", result.get("class_means_top1"))
chance = 1 / len(result["per_class"])
print(f"\nDejaVid top-1 {result['top1']:.3f}   averaging over time top-1 {averaging:.3f}   (chance {chance:.3f})")
