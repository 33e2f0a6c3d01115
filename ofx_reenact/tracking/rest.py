"""Find a person's face at rest: the mean of the calmest frames in each shot of a performance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.blendshapes import BLENDSHAPES, blendshapes_of
from ofx_reenact.tracking.performance import Performance, State

# The calmest fifteenth of the usable frames is averaged, at least 3 and at most 15 frames; of these, only frames whose
# neutrality is at most 0.5 above that of the calmest one.
_ONE_IN, _LEAST, _MOST, _CALM = 15, 3, 15, 0.5
# Blendshapes, without their side, of a smiling or open mouth.
_MOUTH = ("mouthSmile", "mouthUpperUp", "mouthLowerDown")


@dataclass(frozen=True)
class Rest:
    """The face at rest in a performance of T frames. Meshes are frontal, in canonical units.

    Attributes:
        face: (478, 3) float64, the rest in the shot of the reference frame if there is one, else in the shot with the
            most usable frames.
        frames: numbers of the frames that ``face`` is the mean of, ascending.
        frontal: (T, 478, 3) float64, the rest in each frame's shot; ``face`` in a shot without usable frames.
        row: (T,) int64, the row of the calmest frame in each frame's shot.
    """

    face: np.ndarray
    frames: tuple[int, ...]
    frontal: np.ndarray
    row: np.ndarray


def find_rest(performance: Performance, reference: int | None = None) -> Rest:
    """Find a person's face at rest.

    Args:
        performance: the person's performance.
        reference: number of a frame that alone is the rest in its shot; by default the one that the user chose when
            tracking, if any.

    Raises:
        TrackingError: the performance does not contain the reference, or that frame has no face.
    """
    p = performance
    tracked = p.state == State.TRACKED
    if reference is None and p.chosen:
        reference = p.reference
    chosen = None if reference is None else _row_of(p, reference, tracked)
    usable = p.confident if p.confident.any() else tracked
    segments = p.segments
    calmest = [
        np.array([chosen])
        if chosen is not None and segment.start <= chosen < segment.stop
        else _calmest(p.neutrality, np.arange(segment.start, segment.stop)[usable[segment]])
        for segment in segments
    ]
    if chosen is not None:
        main = next(rows for rows in calmest if len(rows) and rows[0] == chosen)
    else:
        main = calmest[int(np.argmax([int(usable[segment].sum()) for segment in segments]))]
    frontal, row = np.empty(p.frontal.shape), np.empty(len(p.frames), np.int64)
    for segment, own in zip(segments, calmest, strict=True):
        rows = own if len(own) else main
        frontal[segment], row[segment] = _mean(p, rows), rows[0]
    return Rest(_mean(p, main), tuple(sorted(p.frames[main].tolist())), frontal, row)


def measure_mouth_activity(face: np.ndarray) -> float:
    """Return how much the mouth of a frontal face (478, 3) is open, smiles or bares its teeth: 0 (not at all) to 1."""
    shapes = dict(zip(BLENDSHAPES, blendshapes_of(face[None])[0].tolist(), strict=True))
    sides = [(shapes[f"{name}Left"] + shapes[f"{name}Right"]) / 2 for name in _MOUTH]
    return max(shapes["jawOpen"], *sides)


def _row_of(performance: Performance, frame: int, tracked: np.ndarray) -> int:
    p, row = performance, frame - int(performance.frames[0])
    if not 0 <= row < len(p.frames):
        raise TrackingError(
            f"{p.name}: frame {frame} cannot be the reference, the performance has {p.frames[0]}-{p.frames[-1]}"
        )
    if not tracked[row]:
        raise TrackingError(f"{p.name}: frame {frame} cannot be the reference, it has no face")
    return row


def _calmest(neutrality: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the calmest of some rows, the calmest first, ties in order; no rows give no rows."""
    if not len(rows):
        return rows
    ordered = rows[np.argsort(neutrality[rows], kind="stable")]
    count = int(np.clip(round(len(rows) / _ONE_IN), _LEAST, _MOST))
    return ordered[:count][neutrality[ordered[:count]] <= neutrality[ordered[0]] + _CALM]


def _mean(performance: Performance, rows: np.ndarray) -> np.ndarray:
    """Average the frontal meshes of some rows, in ascending order: (478, 3) float64."""
    mean: np.ndarray = performance.frontal[np.sort(rows)].astype(np.float64).mean(axis=0)
    return mean
