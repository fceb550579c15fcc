"""What a model says of one sample, and of two videos."""

import pathlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Path:
    """The cheapest path of a sample through the centroid sequence of one class."""

    class_name: object  #: as in `classes_`
    distance: float  #: the sum of the costs along it
    cells: np.ndarray  #: [P,2] (centroid step, step of the sample), from the first to the last
    costs: np.ndarray  #: [K,T] what each centroid step would cost at each step of the sample
    step_costs: np.ndarray  #: [K] what the path costs within each centroid step


class _Drawn:
    """Something with a picture, `svg`, which a notebook shows."""

    def _repr_svg_(self):
        return self.svg

    def save(self, file):
        """Writes the picture as an SVG file, whose name ends in .svg."""
        if pathlib.Path(file).suffix.lower() != ".svg":
            raise ValueError(f"{file}: found no name of an SVG file, which the picture is; expected one that ends in .svg; rename it")
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(self.svg)


@dataclass(frozen=True)
class Alignment(_Drawn):
    """A sample's paths, and a picture of them, which a notebook shows."""

    prediction: object  #: the predicted class, as in `classes_`
    probability: float  #: of it
    distances: np.ndarray  #: [C] to every class
    paths: tuple  #: of `Path`: to the predicted class, then to the sample's own where it was told and is another
    svg: str  #: the picture that `dejavid_dist align` draws

    def __repr__(self):
        ways = ", ".join(f"{path.class_name} at {path.distance:.4g}" for path in self.paths)
        return f"Alignment(prediction={self.prediction!r}, probability={self.probability:.3f}, paths: {ways})"


@dataclass(frozen=True)
class VideoAlignment(_Drawn):
    """How two videos a and b lie beside each other, and a picture of it, which a notebook shows."""

    cost: float  #: the sum of the distances along the path
    cells: np.ndarray  #: [P,2] (frame of a, frame of b), from the first to the last
    distances: np.ndarray  #: [n,m] of the embeddings of every two frames
    frames_of_b: np.ndarray  #: [n] the frame of b beside each of a: the middle one of several, rounded down
    frames_of_a: np.ndarray  #: [m] the frame of a beside each of b, likewise
    svg: str  #: the picture that `lrprop_dist align` draws

    def __repr__(self):
        frames, other_frames = self.distances.shape
        return f"VideoAlignment({frames} with {other_frames} frames, cost={self.cost:.4g} over {len(self.cells)} cells)"
