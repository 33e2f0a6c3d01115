"""Correct the mouth of a posed body: lips that meet, teeth that stay behind them, a tongue that rests on the jaw.

The base mesh has helper vertices for teeth and tongue. They are moved here, and the assets fitted to them follow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.training.rendered_heads.random_people import HeadPose

_TONGUE, _LOWER, _UPPER = slice(13380, 13606), slice(14992, 15060), slice(15060, 15128)
# jawOpen moves the lower teeth too little; they would stand in front of the lip. They are moved further, by this
# fraction of the jaw's way.
_FURTHER = 0.3
# How far teeth and tongue are moved back from where the helpers are, in centimetres.
_BACK = 0.2
# The lower teeth's height is scaled by this: their gums would come through a small chin.
_LOWER_HEIGHT = 0.85
# The tongue's thickness is scaled by the first. A tongue at rest sinks further than the lower teeth, by the second as a
# fraction of the jaw's way.
_THICKNESS, _SINK = 0.72, 0.35
# How far shut lips overlap, in centimetres; the fraction of the lower lip's lift for each ring of vertices below it.
_OVERLAP, _RINGS = 0.03, (1.0, 0.85, 0.6, 0.35, 0.15)


@dataclass(frozen=True)
class Lips:
    """The vertices of the ``upper`` and ``lower`` lip's inner edge, without the corners.

    ``lifted`` (c,) are the vertices that move when the lower edge is lifted, those of the edge among them, and
    ``weights`` (c,) in [0, 1] the fraction of the lift that each of them takes.
    """

    upper: np.ndarray
    lower: np.ndarray
    lifted: np.ndarray
    weights: np.ndarray

    @classmethod
    def of_mesh(cls, faces: np.ndarray, inside: np.ndarray, vertices: np.ndarray) -> Lips:
        """Find the lips: the edge between the mouth's inside and the skin.

        ``faces`` (F, 3) are triangles, of which ``inside`` (F,) bool are inside the mouth; ``vertices`` (V, 3) are the
        face at rest, y up.
        """
        neighbours = _neighbours(faces, len(vertices))
        rim = _edges(faces[inside]) & _edges(faces[~inside])
        upper, lower = _halves(rim, vertices)
        ring, lifted, weights = set(lower.tolist()), list(lower), [_RINGS[0]] * len(lower)
        reached = {vertex for edge in rim for vertex in edge}
        for weight in _RINGS[1:]:
            ring = {n for v in ring for n in neighbours[v]} - reached
            reached |= ring
            lifted += sorted(ring)
            weights += [weight] * len(ring)
        return cls(upper, lower, np.array(lifted), np.array(weights))

    def shut(self, body: np.ndarray) -> None:
        """Lift the lower lip of a body (V, 3) to the upper one, in place, wherever it does not reach it."""
        x = body[self.lower, 0]
        order = np.argsort(body[self.upper, 0])
        above = body[self.upper][order]
        lift = np.interp(x, above[:, 0], above[:, 1]) - body[self.lower, 1] + _OVERLAP
        along = np.argsort(x)
        body[self.lifted, 1] += self.weights * np.interp(
            body[self.lifted, 0], x[along], np.clip(lift, 0, None)[along], left=0, right=0
        )


def correct_mouth(body: np.ndarray, neutral: np.ndarray, lips: Lips, pose: HeadPose) -> np.ndarray:
    """Return a copy of a body (V, 3) with its teeth and tongue in place, and its lips shut if the pose has them shut.

    ``neutral`` (V, 3) is the same person without face units. Both in centimetres, y up, z to the viewer.
    """
    corrected = body.copy()
    jaw = (body[_LOWER] - neutral[_LOWER]).mean(0)
    top = body[_LOWER, 1].max()
    corrected[_LOWER, 1] = top - (top - corrected[_LOWER, 1]) * _LOWER_HEIGHT
    corrected[_LOWER] += _FURTHER * jaw
    corrected[_LOWER, 2] -= _BACK
    corrected[_UPPER, 2] -= _BACK
    floor = body[_TONGUE, 1].min()
    corrected[_TONGUE, 1] = floor + (corrected[_TONGUE, 1] - floor) * _THICKNESS
    corrected[_TONGUE] += (_FURTHER + _SINK * (1 - pose.tongue)) * jaw
    corrected[_TONGUE, 2] -= _BACK
    if pose.shut:
        lips.shut(corrected)
    return corrected


def _neighbours(faces: np.ndarray, count: int) -> list[set[int]]:
    """Return the neighbours of each vertex."""
    beside: list[set[int]] = [set() for _ in range(count)]
    for a, b, c in faces.tolist():
        beside[a] |= {b, c}
        beside[b] |= {a, c}
        beside[c] |= {a, b}
    return beside


def _edges(faces: np.ndarray) -> set[tuple[int, int]]:
    """Return the edges of triangles (F, 3), the lower index first."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    return {(a, b) for a, b in pairs.tolist() if a != b}


def _halves(rim: set[tuple[int, int]], vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a closed loop of edges at its left and right ends, which are left out: its upper and its lower half."""
    beside: dict[int, set[int]] = {}
    for a, b in rim:
        beside.setdefault(a, set()).add(b)
        beside.setdefault(b, set()).add(a)
    left, right = (int(pick(list(beside), key=lambda v: vertices[v, 0])) for pick in (min, max))
    loop, ahead = [left], beside[left]
    while ahead:
        loop.append(min(ahead))
        ahead = beside[loop[-1]] - set(loop)
    turn = loop.index(right)
    halves = [np.array(loop[1:turn]), np.array(loop[turn + 1 :])]
    lower, upper = sorted(halves, key=lambda half: float(vertices[half, 1].mean()))
    return upper, lower
