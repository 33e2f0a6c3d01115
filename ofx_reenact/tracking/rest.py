"""A person's face at rest: the mean of the calmest frames of a performance, in each of its shots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.tracking.blendshapes import BLENDSHAPES, blendshapes_of
from ofx_reenact.tracking.performance import Performance, State

# Of so many usable frames one is averaged, but at least and at most so many; none that is less calm than the calmest
# by more than this, in units of neutrality.
_ONE_IN, _LEAST, _MOST, _CALM = 15, 3, 15, 0.5
# Blendshapes, of both sides, of a mouth that does something.
_MOUTH = ("mouthSmile", "mouthUpperUp", "mouthLowerDown")


@dataclass(frozen=True)
class Rest:
    """What a performance of T frames means by "at rest". Meshes are frontal, in canonical units.

    Attributes:
        face: (478, 3) float64, the rest of the reference's shot if there is a reference, else of the shot with the
            most frames that show the face.
        frames: numbers of the frames that ``face`` is the mean of, ascending.
        frontal: (T, 478, 3) float64, the rest of the shot that each frame lies in; ``face`` if nothing shows it.
        row: (T,) int64, the calmest row of the same shot.
    """

    face: np.ndarray
    frames: tuple[int, ...]
    frontal: np.ndarray
    row: np.ndarray


def find_rest(performance: Performance, reference: int | None = None) -> Rest:
    """Find a person's face at rest.

    Args:
        performance: of the person.
        reference: a frame that is the rest of its shot, alone; else the one that a person chose when tracking, if any.

    Raises:
        TrackingError: the reference is no frame of the performance, or has no face.
    """
    p = performance
    tracked = p.state == State.TRACKED
    if reference is None and p.chosen:
        reference = p.reference
    chosen = None if reference is None else _row_of(p, reference, tracked)
    usable = p.sure if p.sure.any() else tracked
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


def unrest_of_mouth(face: np.ndarray) -> float:
    """Measure how far the mouth of a frontal face (478, 3) smiles, shouts or bares its teeth: 0 not at all, to 1."""
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
    """Return the calmest of rows, the calmest first; equally calm ones in order. None of none."""
    if not len(rows):
        return rows
    ordered = rows[np.argsort(neutrality[rows], kind="stable")]
    count = int(np.clip(round(len(rows) / _ONE_IN), _LEAST, _MOST))
    return ordered[:count][neutrality[ordered[:count]] <= neutrality[ordered[0]] + _CALM]


def _mean(performance: Performance, rows: np.ndarray) -> np.ndarray:
    """Average the frontal meshes of rows, in the order of their numbers: (478, 3) float64."""
    mean: np.ndarray = performance.frontal[np.sort(rows)].astype(np.float64).mean(axis=0)
    return mean
