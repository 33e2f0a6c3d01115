"""Check the arrays of a performance file, so that a damaged or hand-written file is refused before it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from ofx_reenact.arrays import check_shapes, text_in

# In the notation of check_shapes; T is the number of frames.
_SHAPES = {
    "frames": "whole T", "state": "whole T", "absent": "whole *", "confidence": "number T", "neutrality": "number T",
    "raw_landmarks": "number T 68 2", "raw_mesh": "number T 478 3", "blendshapes": "number T 52",
    "frontal": "number T 478 3", "rotation": "number T 3 3", "scale": "number T", "translation": "number T 3",
    "hand_made": "whole T", "size": "whole 2", "reference": "whole", "chosen": "whole", "smoothing": "number",
}  # fmt: skip
_TEXTS = ("fps", "name", "tracker", "versions")
# Texts and arrays that files of earlier versions lack.
_NEWER, _NEWER_SHAPES = ("made_of",), {"aspect": "number", "cut": "whole T", "light": "number T", "skin": "whole T 468"}
_RATE = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
# Frame numbers stay below this (nine digits); the most pixels along a picture's side; the most frames a second.
_NUMBERS_END, _LONGEST_SIDE, _FASTEST = 10**9, 10**6, 1000
# Largest distance of a point from the picture's corner, and largest face, both in lengths of the picture's longer side.
_REACH, _LARGEST = 100, 20
# In canonical units: the width of a face, the largest distance of a point from the head's centre, and the least extent
# of a face in x and in y.
_WIDTH, _FARTHEST, _NARROWEST = 15.0, 1000.0, 0.5
# Least width of a face in pixels.
_SMALLEST = 1.0
# Largest difference of RᵀR from the identity, for a rotation R.
_ORTHONORMAL = 1e-3


def check_performance(arrays: Mapping[str, np.ndarray]) -> None:
    """Check the arrays of a performance file, each by itself and against the others.

    Raises:
        ValueError: an array is wrong; the message names it and, if it has values for each frame, the first wrong frame.
    """
    check_shapes(arrays, _SHAPES | {name: shape for name, shape in _NEWER_SHAPES.items() if name in arrays})
    for name in (*_TEXTS, *(name for name in _NEWER if name in arrays)):
        if name not in arrays:
            raise ValueError(f"{name} is missing")
        try:
            text_in(arrays[name])
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error
    _check_frames(arrays)
    _check_values(arrays)
    _check_geometry(arrays)


def _check_frames(arrays: Mapping[str, np.ndarray]) -> None:
    frames, absent = arrays["frames"], arrays["absent"]
    if not len(frames) or max(abs(int(frames[0])), abs(int(frames[-1]))) >= _NUMBERS_END:
        raise ValueError("frames are empty, or have more than nine digits")
    if not np.array_equal(frames, np.arange(int(frames[0]), int(frames[0]) + len(frames))):
        raise ValueError("frames are not consecutive")
    if int(arrays["reference"]) not in frames:
        raise ValueError(f"reference frame {int(arrays['reference'])} is not among its frames")
    if not np.isin(absent, frames).all():
        raise ValueError("absent has numbers that are not in frames")
    if not (arrays["state"] == 0).any():
        raise ValueError("state: no frame has a face")
    if not all(1 <= int(length) <= _LONGEST_SIDE for length in arrays["size"]):
        raise ValueError(f"size is {arrays['size'].tolist()}, not the width and height of a picture")
    if fps := text_in(arrays["fps"]):
        rate = _RATE.fullmatch(fps)
        if rate is None or not int(rate[1]) or not int(rate[2]) or int(rate[1]) > _FASTEST * int(rate[2]):
            raise ValueError(f"fps is {fps[:40]!r}, not a rate such as 24000/1001")


def _check_values(arrays: Mapping[str, np.ndarray]) -> None:
    # Trackers of other packages may exceed their range a little.
    ranges = {
        "state": (0, 2), "confidence": (0, 1.001), "neutrality": (0, 1e6), "blendshapes": (-1, 2), "hand_made": (0, 1),
        "chosen": (0, 1), "smoothing": (0, 1000),
        "aspect": (0.05, 20), "cut": (0, 1), "light": (0, 1), "skin": (0, 255),
    }  # fmt: skip
    for name, (low, high) in ((name, ends) for name, ends in ranges.items() if name in arrays):
        _refuse(arrays, name, (arrays[name] < low) | (arrays[name] > high), f"not from {low:g} to {high:g}")


def _check_geometry(arrays: Mapping[str, np.ndarray]) -> None:
    longer = float(max(int(length) for length in arrays["size"]))
    for name in ("raw_landmarks", "raw_mesh", "translation"):
        _refuse(arrays, name, np.abs(arrays[name]) > _REACH * longer, "far outside the picture")
    for name, least in (("raw_landmarks", _SMALLEST), ("raw_mesh", _SMALLEST), ("frontal", _NARROWEST)):
        _refuse(arrays, name, np.ptp(arrays[name][..., :2], axis=1) < least, "not a face: all points are on one line")
    _refuse(arrays, "frontal", np.abs(arrays["frontal"]) > _FARTHEST, "not a face: points are too far apart")
    across = np.asarray(arrays["scale"], np.float64) * _WIDTH
    _refuse(arrays, "scale", (across < _SMALLEST) | (across > _LARGEST * longer), "not a face's size in this picture")
    turned = np.asarray(arrays["rotation"], np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        orthonormal = np.abs(np.einsum("tki,tkj->tij", turned, turned) - np.eye(3)).max(axis=(1, 2)) <= _ORTHONORMAL
        right_handed = np.einsum("ti,ti->t", np.cross(turned[:, :, 0], turned[:, :, 1]), turned[:, :, 2]) > 0
    _refuse(arrays, "rotation", ~(orthonormal & right_handed), "not a rotation matrix")


def _refuse(arrays: Mapping[str, np.ndarray], name: str, wrong: np.ndarray, why: str) -> None:
    """Raise ValueError if any value is wrong; ``wrong`` is () or (T, ...) bool."""
    if not wrong.any():
        return
    if not wrong.ndim:
        raise ValueError(f"{name} is {arrays[name].item()}, {why}")
    row = int(np.nonzero(wrong.reshape(len(wrong), -1).any(axis=1))[0][0])
    raise ValueError(f"{name} of frame {int(arrays['frames'][row])}: {why}")
