"""What a mouth needs beyond the model's own shapes: lips that meet, teeth that stay behind them, a tongue that lies.

The base mesh keeps teeth and tongue as helpers; all that hangs on them follows when they are moved here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ofx_reenact.training.rendered_heads.random_people import Act

_TONGUE, _LOWER, _UPPER = slice(13380, 13606), slice(14992, 15060), slice(15060, 15128)
# The lower teeth go this much farther than jawOpen takes them, which leaves them in front of the lip.
_FARTHER = 0.3
# How far teeth stand back from where the helpers are, in centimetres.
_BACK = 0.2
# The height left to the lower teeth, whose gums would come through a small chin.
_LOW = 0.85
# The tongue's thickness, and how much farther than the jaw it sinks when it rests.
_THIN, _SINK = 0.72, 0.35
# How far lips overlap when shut, in centimetres, and how much of a lower lip's lift each ring of vertices takes.
_OVERLAP, _RINGS = 0.03, (1.0, 0.85, 0.6, 0.35, 0.15)


@dataclass(frozen=True)
class Lips:
    """Where the lips of a mesh meet, corners left out: vertices of the ``upper`` and ``lower`` inner edge.

    ``lifted`` (c,) vertices, the lower edge among them, move with it by ``share`` (c,) of its lift.
    """

    upper: np.ndarray
    lower: np.ndarray
    lifted: np.ndarray
    share: np.ndarray

    @classmethod
    def of_mesh(cls, faces: np.ndarray, inside: np.ndarray, vertices: np.ndarray) -> Lips:
        """Find the edge between triangles ``inside`` (F,) the mouth and the skin, of a face at rest (V, 3), y up."""
        neighbours = _neighbours(faces, len(vertices))
        rim = _edges(faces[inside]) & _edges(faces[~inside])
        upper, lower = _halves(rim, vertices)
        ring, lifted, share = set(lower.tolist()), list(lower), [_RINGS[0]] * len(lower)
        reached = {vertex for edge in rim for vertex in edge}
        for part in _RINGS[1:]:
            ring = {n for v in ring for n in neighbours[v]} - reached
            reached |= ring
            lifted += sorted(ring)
            share += [part] * len(ring)
        return cls(upper, lower, np.array(lifted), np.array(share))

    def shut(self, body: np.ndarray) -> None:
        """Lift the lower lip of a body (V, 3), in place, wherever it does not reach the upper one."""
        x = body[self.lower, 0]
        order = np.argsort(body[self.upper, 0])
        above = body[self.upper][order]
        lift = np.interp(x, above[:, 0], above[:, 1]) - body[self.lower, 1] + _OVERLAP
        along = np.argsort(x)
        body[self.lifted, 1] += self.share * np.interp(
            body[self.lifted, 0], x[along], np.clip(lift, 0, None)[along], left=0, right=0
        )


def settle(body: np.ndarray, neutral: np.ndarray, lips: Lips, act: Act) -> np.ndarray:
    """Bring the mouth of a body (V, 3) in order, as the act says; centimetres, y up, z to the viewer. Returns a copy.

    ``neutral`` (V, 3) is the same person with no face units.
    """
    settled = body.copy()
    jaw = (body[_LOWER] - neutral[_LOWER]).mean(0)
    top = body[_LOWER, 1].max()
    settled[_LOWER, 1] = top - (top - settled[_LOWER, 1]) * _LOW
    settled[_LOWER] += _FARTHER * jaw
    settled[_LOWER, 2] -= _BACK
    settled[_UPPER, 2] -= _BACK
    floor = body[_TONGUE, 1].min()
    settled[_TONGUE, 1] = floor + (settled[_TONGUE, 1] - floor) * _THIN
    settled[_TONGUE] += (_FARTHER + _SINK * (1 - act.tongue)) * jaw
    settled[_TONGUE, 2] -= _BACK
    if act.shut:
        lips.shut(settled)
    return settled


def _neighbours(faces: np.ndarray, count: int) -> list[set[int]]:
    """Vertices beside each vertex."""
    beside: list[set[int]] = [set() for _ in range(count)]
    for a, b, c in faces.tolist():
        beside[a] |= {b, c}
        beside[b] |= {a, c}
        beside[c] |= {a, b}
    return beside


def _edges(faces: np.ndarray) -> set[tuple[int, int]]:
    """Edges of triangles (F, 3), the lower vertex first."""
    pairs = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    return {(a, b) for a, b in pairs.tolist() if a != b}


def _halves(rim: set[tuple[int, int]], vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split a closed line of edges at its corners, which are left out, into its upper and its lower half."""
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
