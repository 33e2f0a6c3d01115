"""Which frame mouth and eyes come from: chosen over the whole sequence at once, so that any chunk gives the same."""

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
# No part: the frame's own.
OWN = -1
# Rows over which a part comes in and goes, and one part becomes another: more would show two rows of teeth.
FADE = 1

# What a part costs. Openings count in widths of the part: too wide costs this much a width, for a warp closes it well,
# lids better than lips; too narrow hides what no warp can show. So does a shape, by how wide and how high it is wrong.
_TOO_WIDE, _TOO_NARROW, _SHAPE = {"mouth": 4.0, "eye_right": 2.5, "eye_left": 2.5}, 12.0, 3.0
# A part that is no wider open than this is shut, and costs this much more where it should be open.
_SHUT, _HIDDEN = {"mouth": 0.05, "eye_right": 0.1, "eye_left": 0.1}, 1.0
# Eyes that look elsewhere count as a shape that is wrong by this many times as much.
_GAZE = 1.0
# A turn of the head by so many degrees costs 1, and light that differs by so much.
_TURN, _LIGHT = 12.0, 0.5
# Frames further away in time cost more, up to this; reference pictures cost this much more than that.
_FRAMES_AWAY, _FARTHEST, _ELSEWHERE = 400.0, 0.25, 0.1
# Whatever is not the frame's own has to be better by this much, and a change by that much more.
_PART, _CHANGE = 0.3, 0.25
# What lies before a part, a hand, is worse than any other opening.
_BEFORE = 5.0
_ROWS = 256


@dataclass(frozen=True)
class Candidates:
    """Pictures of the person that parts may come from: C frames of the target and reference pictures.

    Attributes:
        frontal: (C, 468 or more, 3) meshes with the head's pose taken out, canonical units.
        rotation: (C, 3, 3) of the heads.
        light: (C,) mean brightness of the faces, 0 to 1; 0 is unknown.
        time: (C,) the target's frames, as numbers that grow by 1; NaN for reference pictures.
        segment: (C,) part of the target between two cuts; -1 for reference pictures, which suit any.
        usable: (C,) bool; not where no face was found or where it is uncertain.
        hidden: (C, 3) in [0, 1], how likely something lies before each part.
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
    """Where the parts of T frames come from.

    Attributes:
        index: (T, 3) int32, the candidate that each part of :data:`PARTS` comes from; -1 where it stays its own.
        segment: (T,) part of the sequence between two cuts, over which nothing fades.
    """

    index: np.ndarray
    segment: np.ndarray

    def weights(self, row: int) -> dict[str, tuple[tuple[int, float], ...]]:
        """Return candidates and their weights for the parts of a row that do not stay its own.

        A part comes in over a few rows, and one becomes another so; the weights of a part sum to 1 at most, and the
        rest is the frame's own. Rows whose index is -1 take nothing.
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
            share = np.array([taps[chosen == candidate].sum() for candidate in candidates])
            share *= total / share.sum()
            found[name] = tuple((int(c), float(w)) for c, w in zip(candidates, share, strict=True))
        return found

    def taken(self, part: str) -> np.ndarray:
        """Return how far a part of each row comes from elsewhere, (T,) in [0, 1]."""
        weights = (self.weights(row).get(part, ()) for row in range(len(self.index)))
        return np.array([sum(weight for _, weight in taken) for taken in weights])

    def to_dict(self, frames: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
        """Return plain values for JSON: for each part, the frames (T of them) that take it and the name of its source.

        Args:
            frames: the rows' numbers.
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
        """Read what :meth:`to_dict` gave, edited by hand or not.

        Args:
            values: as JSON has them.
            frames: the rows' numbers.
            names: the candidates' names; ``""`` for those that may not be used.
            segment: (T,) part of the sequence between two cuts.
            path: of the file, for messages.

        Raises:
            SettingsError: another schema, or a part, frame or name that is not known.
        """
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise SettingsError(f"{path}: not a parts file of this version; delete it to have it made again")
        rows = {str(int(frame)): row for row, frame in enumerate(frames)}
        known = {name: candidate for candidate, name in enumerate(names) if name}
        index = np.full((len(frames), len(PARTS)), OWN, np.int32)
        parts = values.get("parts", {})
        if not isinstance(parts, dict):
            raise SettingsError(f"{path}: 'parts' is no list of parts by name")
        for name, taken in parts.items():
            if name not in PARTS:
                raise SettingsError(f"{path}: no part is called '{str(name)[:60]}'; known are {', '.join(PARTS)}")
            if not isinstance(taken, dict):
                raise SettingsError(f"{path}: {name}: not a list of sources by frame")
            for frame, source in taken.items():
                if frame not in rows:
                    said = f"the target has frames {min(frames)}-{max(frames)}" if len(frames) else "there are none"
                    raise SettingsError(f"{path}: {name}: frame {str(frame)[:20]} is not one of the target's; {said}")
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
    asked: np.ndarray,
    candidates: Candidates,
    rotation: np.ndarray,
    light: np.ndarray,
    time: np.ndarray,
    segment: np.ndarray,
    gaze: np.ndarray | None = None,
) -> Choice:
    """Choose for T frames and each part whether it stays the frame's own, and else what it comes from.

    Nothing comes from another segment, but for reference pictures. Dynamic programming over the frames, with one price
    for every change: time and memory grow as T times C.

    Args:
        wanted: (T, 468 or more, 3) frontal meshes as they are asked for, canonical units.
        own: (T, 468 or more, 3) frontal meshes as the frames show them.
        own_candidate: (T,) which candidate a frame is itself; -1 if none.
        asked: (T, 3) bool, whether a part may come from elsewhere at all.
        candidates: what there is to take.
        rotation, light, time, segment: the frames', as the candidates'.
        gaze: (T, 2, 2) wanted shift of the irises from the frames' own, right and left eye, in widths of the eye; it
            counts if the frames' and candidates' meshes have irises (478 points).
    """
    index = np.full((len(wanted), len(PARTS)), OWN, np.int32)
    segment, own_candidate = np.asarray(segment), np.asarray(own_candidate)
    if not candidates.usable.any() or not np.any(asked):
        return Choice(index, segment)
    shapes = _measure_shapes(wanted, own, candidates, gaze)
    asked = np.asarray(asked, bool)
    walks = [_Walk(len(segment), len(candidates.usable), _CHANGE * len(group)) for group in _TOGETHER]
    for start in range(0, len(segment), _ROWS):
        rows = slice(start, start + _ROWS)
        away = _distance(candidates, rotation[rows], light[rows], time[rows], segment[rows], own_candidate[rows])
        for walk, group in zip(walks, _TOGETHER, strict=True):
            other, itself = np.zeros_like(away), np.zeros(len(away))
            for part in group:
                want, mine, there = shapes[PARTS[part]]
                counts = asked[rows, part].astype(np.float64)
                wrong = _difference(PARTS[part], want[rows, None], there[None]) + _BEFORE * candidates.hidden[:, part]
                other += (wrong + _PART) * counts[:, None]
                itself += _difference(PARTS[part], want[rows], mine[rows]) * counts
            other[~asked[rows][:, group].any(1)] = np.inf
            walk.go(itself, other + away, np.arange(start, start + len(itself)), segment)
    for walk, group in zip(walks, _TOGETHER, strict=True):
        path = walk.path()
        for part in group:
            index[:, part] = _widened(np.where(asked[:, part], path, OWN), asked[:, part], segment, own_candidate)
    return Choice(index, segment)


# Both eyes come from one frame, or they would not look the same way.
_TOGETHER = ([0], [1, 2])
_CONTOURS: Mapping[str, tuple[Contour, Contour]] = {
    "mouth": (LIPS_INNER, LIPS_OUTER), "eye_right": (EYE_RIGHT, EYE_RIGHT), "eye_left": (EYE_LEFT, EYE_LEFT),
}  # fmt: skip


def _width(name: str, frontal: np.ndarray) -> float:
    """Width of a person's part, the median of meshes (n, 468, 3)."""
    upper, _ = _CONTOURS[name][1]
    return max(float(np.median(np.linalg.norm(frontal[:, upper[-1], :2] - frontal[:, upper[0], :2], axis=-1))), 1e-6)


def _shape(name: str, frontal: np.ndarray, width: float) -> np.ndarray:
    """What a part looks like, in its widths: how far it is open, how wide it is, how high its corners are: (n, 3)."""
    inner, outer = _CONTOURS[name]
    first, last = frontal[:, outer[0][0]], frontal[:, outer[0][-1]]
    middle = (frontal[:, outer[0][len(outer[0]) // 2], 1] + frontal[:, outer[1][len(outer[1]) // 2], 1]) / 2
    high = (first[:, 1] + last[:, 1]) / 2 - middle
    shape = (measure_gap(frontal, inner), np.linalg.norm((last - first)[:, :2], axis=-1), high)
    return np.stack(shape, 1).astype(np.float64) / width


def _measure_shapes(
    wanted: np.ndarray, own: np.ndarray, candidates: Candidates, gaze: np.ndarray | None
) -> dict[str, list[np.ndarray]]:
    """Measure each part as it is wanted, as the frames show it, and as the candidates do: (n, k) each."""
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
    """What it costs that a part has one shape (..., 3) where another is wanted."""
    wider = shown[..., 0] - wanted[..., 0]
    wrong = np.abs(wanted[..., 1:] - shown[..., 1:]).sum(-1)
    shut = np.clip(2.5 * (1 - shown[..., 0] / _SHUT[name]), 0, 1)
    hidden = shut * np.clip(1.5 * wanted[..., 0] / _SHUT[name] - 1, 0, 1)
    return np.maximum(_TOO_WIDE[name] * wider, -_TOO_NARROW * wider) + _SHAPE * wrong + _HIDDEN * hidden


def _distance(
    candidates: Candidates,
    rotation: np.ndarray,
    light: np.ndarray,
    time: np.ndarray,
    segment: np.ndarray,
    own_candidate: np.ndarray,
) -> np.ndarray:
    """What it costs to take each candidate for each of n frames, whatever it shows: (n, C), infinite if it may not."""
    trace = rotation.reshape(-1, 9) @ candidates.rotation.reshape(-1, 9).T
    turn = np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
    there = np.asarray(candidates.light, np.float64)
    brighter = np.abs(light[:, None] - there) * ((light[:, None] > 0) & (there > 0))
    frames = np.minimum(np.abs(time[:, None] - candidates.time) / _FRAMES_AWAY, _FARTHEST)
    cost = turn / _TURN + brighter / _LIGHT + np.where(np.isnan(frames), _FARTHEST + _ELSEWHERE, frames)
    foreign = (candidates.segment >= 0) & (candidates.segment != segment[:, None])
    itself = own_candidate[:, None] == np.arange(len(there))
    return np.where(foreign | itself | ~np.asarray(candidates.usable, bool), np.inf, cost)


class _Walk:
    """The cheapest way through the rows of one part: what each row takes, if it has come from anywhere."""

    def __init__(self, rows: int, candidates: int, price: float) -> None:
        self.price = price
        # The last column is the frame's own.
        self.total = np.zeros(candidates + 1)
        self.stays = np.zeros((rows, candidates + 1), bool)
        self.best = np.zeros(rows, np.int32)

    def go(self, itself: np.ndarray, other: np.ndarray, rows: np.ndarray, segment: np.ndarray) -> None:
        """Go through rows that follow those before, with the costs (n,) of the frames' own and (n, C) of candidates."""
        for row, cost in zip(rows, np.column_stack([other, itself]), strict=True):
            cut = row == 0 or segment[row] != segment[row - 1]
            self.best[row] = self.total.argmin()
            change = self.total[self.best[row]] + (0.0 if cut else self.price)
            self.stays[row] = self.total <= change
            self.total = np.minimum(self.total, change) + cost

    def path(self) -> np.ndarray:
        """Return what each row takes on the cheapest way: (T,) int32, -1 for its own."""
        chosen = np.empty(len(self.best), np.int32)
        at = int(self.total.argmin())
        for row in range(len(chosen) - 1, -1, -1):
            chosen[row] = at
            at = at if self.stays[row, at] else int(self.best[row])
        return np.where(chosen == self.stays.shape[1] - 1, OWN, chosen)


def _widened(chosen: np.ndarray, asked: np.ndarray, segment: np.ndarray, own_candidate: np.ndarray) -> np.ndarray:
    """Let runs of parts begin and end some rows earlier and later, where they fade: there it is best to be through."""
    result = chosen.copy()
    for _ in range(FADE):
        for step in (1, -1):
            before = np.roll(result, step)
            same = np.roll(segment, step) == segment
            same[0 if step == 1 else -1] = False
            free = (result == OWN) & (before != OWN) & same & asked & (own_candidate != before)
            result = np.where(free, before, result)
    return result
