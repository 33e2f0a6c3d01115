"""Choose which frame mouth and eyes come from, over the whole sequence at once, so that every chunk agrees.

The choice minimises a sum of costs: how badly a candidate's part fits what is wanted in each frame, and a cost of
every change of candidate. Dynamic programming (Viterbi's algorithm) finds the minimum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import SettingsError
from ofx_reenact.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_INNER, LIPS_OUTER, Contour
from ofx_reenact.tracking.surface import FACE_POINTS, iris_places, measure_gap

SCHEMA = "ofx-reenact/parts/1"
PARTS = ("mouth", "eye_right", "eye_left")
# Index that means the frame's own part.
OWN = -1
# Rows over which one part fades to another; a longer fade would show two rows of teeth.
FADE = 1

# Costs of an opening that differs from the wanted one, per width of the part. Too wide is cheap, because a warp closes
# lids (and, less well, lips); too narrow is expensive, because a warp cannot show what is hidden. Then the cost of a
# wrong width, or height of the corners, per width.
_TOO_WIDE, _TOO_NARROW, _SHAPE = {"mouth": 4.0, "eye_right": 2.5, "eye_left": 2.5}, 12.0, 3.0
# Opening, in widths of the part, up to which it counts as shut, and the extra cost of a shut part that should be open.
_SHUT, _WRONGLY_SHUT = {"mouth": 0.05, "eye_right": 0.1, "eye_left": 0.1}, 1.0
# Weight of a wrong direction of the eyes, compared with a wrong shape.
_GAZE = 1.0
# The head's turn (degrees) and the difference in brightness that each cost 1.
_TURN, _LIGHT = 12.0, 0.5
# Distance in time costs 1 per this many frames, up to a maximum; appearance pictures cost the maximum and a bit more.
_FRAMES_AWAY, _FARTHEST, _ELSEWHERE = 400.0, 0.25, 0.1
# Cost of any part that is not the frame's own, and of each change of candidate.
_PART, _CHANGE = 0.3, 0.25
# Cost of something that covers the part, such as a hand: more than any wrong opening.
_COVERED = 5.0
# Frames whose costs are in memory at once.
_CHUNK = 256


@dataclass(frozen=True)
class Candidates:
    """The C pictures that parts may come from: frames of the target, and appearance pictures of the person.

    Attributes:
        frontal: (C, 468 or more, 3) meshes with the head's pose taken out, canonical units.
        rotation: (C, 3, 3) of the heads.
        light: (C,) mean brightness of the faces, 0 to 1; 0 if unknown.
        time: (C,) position in the target, in frames; NaN for appearance pictures.
        segment: (C,) number of the section between two cuts; -1 for appearance pictures, which fit every section.
        usable: (C,) bool, False where no face was found or its track is uncertain.
        hidden: (C, 3) in [0, 1], how likely something covers each part.
    """

    frontal: np.ndarray
    rotation: np.ndarray
    light: np.ndarray
    time: np.ndarray
    segment: np.ndarray
    usable: np.ndarray
    hidden: np.ndarray


@dataclass(frozen=True)
class Choice:
    """Where the parts of T frames come from. A row is a frame.

    Attributes:
        index: (T, 3) int32, the candidate that each part of :data:`PARTS` comes from; -1 for the frame's own.
        segment: (T,) number of the section between two cuts; nothing fades across a cut.
    """

    index: np.ndarray
    segment: np.ndarray

    def weights(self, row: int) -> dict[str, tuple[tuple[int, float], ...]]:
        """Return (candidate, weight) pairs for each part of a row that comes from elsewhere.

        Parts fade over neighbouring rows. The weights of a part sum to at most 1; the rest is the frame's own. A part
        whose index is -1 is left out.
        """
        last = len(self.index) - 1
        near = np.clip(np.arange(row - FADE, row + FADE + 1), 0, last)
        near = np.where(self.segment[near] == self.segment[row], near, row)
        taps = FADE + 1.0 - np.abs(np.arange(-FADE, FADE + 1))
        found = {}
        for part, name in enumerate(PARTS):
            if self.index[row, part] == OWN:
                continue
            chosen = self.index[near, part]
            away = np.abs(np.arange(-FADE, FADE + 1))[chosen == OWN].min(initial=FADE + 1)
            total = away / (FADE + 1)
            candidates = np.unique(chosen[chosen != OWN])
            weights = np.array([taps[chosen == candidate].sum() for candidate in candidates])
            weights *= total / weights.sum()
            found[name] = tuple((int(c), float(w)) for c, w in zip(candidates, weights, strict=True))
        return found

    def total_weight(self, part: str) -> np.ndarray:
        """Return the summed weight of a part's candidates in each row, (T,) in [0, 1]; 0 for the frame's own."""
        weights = (self.weights(row).get(part, ()) for row in range(len(self.index)))
        return np.array([sum(weight for _, weight in taken) for taken in weights])

    def to_dict(self, frames: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
        """Return plain values for JSON: for each part, the name of its source by frame.

        Args:
            frames: the rows' frame numbers.
            names: the candidates' names: a frame of the target as "1012", a picture as "smile.jpg", a frame of footage
                as "clip.mov:12".
        """
        rows = [(part, row) for part in range(len(PARTS)) for row in np.nonzero(self.index[:, part] != OWN)[0].tolist()]
        parts: dict[str, dict[str, str]] = {name: {} for name in PARTS}
        for part, row in rows:
            parts[PARTS[part]][str(int(frames[row]))] = names[int(self.index[row, part])]
        return {"schema": SCHEMA, "parts": parts}

    @classmethod
    def of_dict(
        cls, values: Any, frames: Sequence[int], names: Sequence[str], segment: np.ndarray, path: Path | str
    ) -> Choice:
        """Read the values that :meth:`to_dict` returns, possibly edited by hand.

        Args:
            values: plain values from JSON.
            frames: the rows' frame numbers.
            names: the candidates' names; ``""`` for those that may not be used.
            segment: (T,) number of the section between two cuts.
            path: the file, for messages.

        Raises:
            SettingsError: another schema, or an unknown part, frame or name.
        """
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise SettingsError(f"{path}: not a parts file of this version; delete it to have it made again")
        rows = {str(int(frame)): row for row, frame in enumerate(frames)}
        known = {name: candidate for candidate, name in enumerate(names) if name}
        index = np.full((len(frames), len(PARTS)), OWN, np.int32)
        parts = values.get("parts", {})
        if not isinstance(parts, dict):
            raise SettingsError(f"{path}: 'parts' is not an object with sources by part")
        for name, taken in parts.items():
            if name not in PARTS:
                raise SettingsError(f"{path}: unknown part '{str(name)[:60]}'; choose from {', '.join(PARTS)}")
            if not isinstance(taken, dict):
                raise SettingsError(f"{path}: {name}: not an object with sources by frame")
            for frame, source in taken.items():
                if frame not in rows:
                    known_frames = f"it has frames {min(frames)}-{max(frames)}" if len(frames) else "it has none"
                    raise SettingsError(f"{path}: {name}: frame {str(frame)[:20]} is not in the target; {known_frames}")
                if not isinstance(source, str) or source not in known:
                    raise SettingsError(
                        f"{path}: {name}: frame {frame}: '{str(source)[:60]}' is neither a frame of the target with a "
                        "face nor a picture of --appearance"
                    )
                index[rows[frame], PARTS.index(name)] = known[source]
        return cls(index, np.asarray(segment))


def choose_parts(
    wanted: np.ndarray,
    own: np.ndarray,
    own_candidate: np.ndarray,
    allowed: np.ndarray,
    candidates: Candidates,
    rotation: np.ndarray,
    light: np.ndarray,
    time: np.ndarray,
    segment: np.ndarray,
    gaze: np.ndarray | None = None,
) -> Choice:
    """Choose the candidate, or the frame's own, that each part of T frames comes from.

    Only appearance pictures may be used across a cut. Time and memory grow with T · C.

    Args:
        wanted: (T, 468 or more, 3) frontal meshes that the frames are to show, canonical units.
        own: (T, 468 or more, 3) frontal meshes that the frames show.
        own_candidate: (T,) the candidate that is the frame itself; -1 if none.
        allowed: (T, 3) bool, whether a part may come from elsewhere at all.
        candidates: the C pictures to choose from.
        rotation: (T, 3, 3) of the frames' heads.
        light: (T,) mean brightness of the frames' faces, as the candidates'.
        time: (T,) position of the frames, as the candidates'.
        segment: (T,) section between two cuts, as the candidates'.
        gaze: (T, 2, 2) wanted shift of the irises from the frames' own, right and left eye, in widths of the eye; used
            if the frames' and candidates' meshes have irises (478 points).
    """
    index = np.full((len(wanted), len(PARTS)), OWN, np.int32)
    segment, own_candidate = np.asarray(segment), np.asarray(own_candidate)
    if not candidates.usable.any() or not np.any(allowed):
        return Choice(index, segment)
    shapes = _measure_shapes(wanted, own, candidates, gaze)
    allowed = np.asarray(allowed, bool)
    paths = [_CheapestPath(len(segment), len(candidates.usable), _CHANGE * len(group)) for group in _CHOSEN_TOGETHER]
    for start in range(0, len(segment), _CHUNK):
        rows = slice(start, start + _CHUNK)
        distance = _distance(candidates, rotation[rows], light[rows], time[rows], segment[rows], own_candidate[rows])
        for path, group in zip(paths, _CHOSEN_TOGETHER, strict=True):
            other_cost, own_cost = np.zeros_like(distance), np.zeros(len(distance))
            for part in group:
                want, mine, there = shapes[PARTS[part]]
                counts = allowed[rows, part].astype(np.float64)
                wrong = _difference(PARTS[part], want[rows, None], there[None]) + _COVERED * candidates.hidden[:, part]
                other_cost += (wrong + _PART) * counts[:, None]
                own_cost += _difference(PARTS[part], want[rows], mine[rows]) * counts
            other_cost[~allowed[rows][:, group].any(1)] = np.inf
            path.advance(own_cost, other_cost + distance, np.arange(start, start + len(own_cost)), segment)
    for path, group in zip(paths, _CHOSEN_TOGETHER, strict=True):
        chosen = path.trace_back()
        for part in group:
            own_or_other = np.where(allowed[:, part], chosen, OWN)
            index[:, part] = _extend_runs(own_or_other, allowed[:, part], segment, own_candidate)
    return Choice(index, segment)


# Both eyes come from one frame; otherwise they would not look in the same direction.
_CHOSEN_TOGETHER = ([0], [1, 2])
_CONTOURS: Mapping[str, tuple[Contour, Contour]] = {
    "mouth": (LIPS_INNER, LIPS_OUTER), "eye_right": (EYE_RIGHT, EYE_RIGHT), "eye_left": (EYE_LEFT, EYE_LEFT),
}  # fmt: skip


def _width(name: str, frontal: np.ndarray) -> float:
    """Return the median width of a part over meshes (n, 468, 3), canonical units."""
    upper, _ = _CONTOURS[name][1]
    return max(float(np.median(np.linalg.norm(frontal[:, upper[-1], :2] - frontal[:, upper[0], :2], axis=-1))), 1e-6)


def _shape(name: str, frontal: np.ndarray, width: float) -> np.ndarray:
    """Measure a part's opening, its width and the height of its corners, (n, 3), in multiples of ``width``."""
    inner, outer = _CONTOURS[name]
    first, last = frontal[:, outer[0][0]], frontal[:, outer[0][-1]]
    middle = (frontal[:, outer[0][len(outer[0]) // 2], 1] + frontal[:, outer[1][len(outer[1]) // 2], 1]) / 2
    high = (first[:, 1] + last[:, 1]) / 2 - middle
    shape = (measure_gap(frontal, inner), np.linalg.norm((last - first)[:, :2], axis=-1), high)
    return np.stack(shape, 1).astype(np.float64) / width


def _measure_shapes(
    wanted: np.ndarray, own: np.ndarray, candidates: Candidates, gaze: np.ndarray | None
) -> dict[str, list[np.ndarray]]:
    """Measure each part in the wanted meshes, the frames' own and the candidates': a list of three (n, k) arrays."""
    shapes = {}
    for name in PARTS:
        width = _width(name, candidates.frontal[np.asarray(candidates.usable, bool)])
        shapes[name] = [_shape(name, frontal, width) for frontal in (wanted, own, candidates.frontal)]
    if gaze is not None and min(own.shape[1], candidates.frontal.shape[1]) > FACE_POINTS:
        here, there = iris_places(own), iris_places(candidates.frontal)
        for eye, name in enumerate(PARTS[1:]):
            places = (here[:, eye] + gaze[:, eye], here[:, eye], there[:, eye])
            shapes[name] = [np.column_stack([s, _GAZE * p]) for s, p in zip(shapes[name], places, strict=True)]
    return shapes


def _difference(name: str, wanted: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the cost (...) of showing a part in one shape (..., k) where another is wanted."""
    wider = shown[..., 0] - wanted[..., 0]
    wrong = np.abs(wanted[..., 1:] - shown[..., 1:]).sum(-1)
    shut = np.clip(2.5 * (1 - shown[..., 0] / _SHUT[name]), 0, 1)
    wrongly_shut = shut * np.clip(1.5 * wanted[..., 0] / _SHUT[name] - 1, 0, 1)
    return np.maximum(_TOO_WIDE[name] * wider, -_TOO_NARROW * wider) + _SHAPE * wrong + _WRONGLY_SHUT * wrongly_shut


def _distance(
    candidates: Candidates,
    rotation: np.ndarray,
    light: np.ndarray,
    time: np.ndarray,
    segment: np.ndarray,
    own_candidate: np.ndarray,
) -> np.ndarray:
    """Return the cost (n, C) of each candidate for each of n frames by pose, light and time; infinite if excluded."""
    trace = rotation.reshape(-1, 9) @ candidates.rotation.reshape(-1, 9).T
    turn = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    there = np.asarray(candidates.light, np.float64)
    brighter = np.abs(light[:, None] - there) * ((light[:, None] > 0) & (there > 0))
    frames = np.minimum(np.abs(time[:, None] - candidates.time) / _FRAMES_AWAY, _FARTHEST)
    cost = turn / _TURN + brighter / _LIGHT + np.where(np.isnan(frames), _FARTHEST + _ELSEWHERE, frames)
    other_segment = (candidates.segment >= 0) & (candidates.segment != segment[:, None])
    itself = own_candidate[:, None] == np.arange(len(there))
    return np.where(other_segment | itself | ~np.asarray(candidates.usable, bool), np.inf, cost)


class _CheapestPath:
    """Viterbi's algorithm: the candidate of each row that makes the sum of costs and changes smallest.

    State C, after the C candidates, is the frame's own part.
    """

    def __init__(self, rows: int, candidates: int, change_cost: float) -> None:
        """Start before the first row; ``change_cost`` is the cost of one change of candidate."""
        self.change_cost = change_cost
        # The smallest sum of costs on a path that ends in each state.
        self.total = np.zeros(candidates + 1)
        # For each row: the best state of the row before, and whether the path to a state stays in that state (else it
        # comes from the best one).
        self.stays = np.zeros((rows, candidates + 1), bool)
        self.best = np.zeros(rows, np.int32)

    def advance(self, own_cost: np.ndarray, other_cost: np.ndarray, rows: np.ndarray, segment: np.ndarray) -> None:
        """Add the next n rows, with the costs (n,) of the frames' own part and (n, C) of the candidates'."""
        for row, cost in zip(rows, np.column_stack([other_cost, own_cost]), strict=True):
            cut = row == 0 or segment[row] != segment[row - 1]
            self.best[row] = self.total.argmin()
            change = self.total[self.best[row]] + (0.0 if cut else self.change_cost)
            self.stays[row] = self.total <= change
            self.total = np.minimum(self.total, change) + cost

    def trace_back(self) -> np.ndarray:
        """Return the candidate of each row on the cheapest path, (T,) int32; -1 for the frame's own."""
        chosen = np.empty(len(self.best), np.int32)
        at = int(self.total.argmin())
        for row in range(len(chosen) - 1, -1, -1):
            chosen[row] = at
            at = at if self.stays[row, at] else int(self.best[row])
        return np.where(chosen == self.stays.shape[1] - 1, OWN, chosen)


def _extend_runs(chosen: np.ndarray, allowed: np.ndarray, segment: np.ndarray, own_candidate: np.ndarray) -> np.ndarray:
    """Lengthen each run of a candidate by :data:`FADE` rows at both ends, so that the run itself has full weight."""
    result = chosen.copy()
    for _ in range(FADE):
        for step in (1, -1):
            before = np.roll(result, step)
            same = np.roll(segment, step) == segment
            same[0 if step == 1 else -1] = False
            free = (result == OWN) & (before != OWN) & same & allowed & (own_candidate != before)
            result = np.where(free, before, result)
    return result
