"""Indices of points: the 68 landmarks among the mesh's 478, contours, and regions.

Right and left are the person's own: the right eye lies on the left of the picture. The contour of an opening is two
halves, upper and lower, both from the corner on the picture's left to the one on its right.
"""

from __future__ import annotations

MESH_POINTS = 478

# The mesh points nearest to iBUG 300-W's 68 points.
_JAW = (127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356)
_BROWS = (70, 63, 105, 66, 107, 336, 296, 334, 293, 300)
_NOSE = (168, 197, 5, 4, 98, 97, 2, 326, 327)
_EYES = (33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380)
_LIPS_OUTER = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)
_LIPS_INNER = (78, 82, 13, 312, 308, 317, 14, 87)
MESH68: tuple[int, ...] = _JAW + _BROWS + _NOSE + _EYES + _LIPS_OUTER + _LIPS_INNER
# Mesh points of the chin, which show how far the jaw has dropped.
CHIN = MESH68[7:10]

REGIONS: dict[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "brow_right": tuple(range(17, 22)),
    "brow_left": tuple(range(22, 27)),
    "nose": tuple(range(27, 36)),
    "eye_right": tuple(range(36, 42)),
    "eye_left": tuple(range(42, 48)),
    "mouth": tuple(range(48, 68)),
}

Contour = tuple[tuple[int, ...], tuple[int, ...]]
LIPS_OUTER: Contour = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
)
LIPS_INNER: Contour = (
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
EYE_RIGHT: Contour = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133),
    (33, 7, 163, 144, 145, 153, 154, 155, 133),
)
EYE_LEFT: Contour = (
    (362, 398, 384, 385, 386, 387, 388, 466, 263),
    (362, 382, 381, 380, 374, 373, 390, 249, 263),
)
# Centre first, then four points of the rim.
IRIS_RIGHT = (468, 469, 470, 471, 472)
IRIS_LEFT = (473, 474, 475, 476, 477)

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

# Points of the upper face and the nose, which neither speech nor a smile moves. The head pose is fitted to these.
RIGID = (
    33, 133, 362, 263, 168, 6, 197, 195, 5, 8, 9, 151, 10, 109, 338, 67, 297, 103, 332, 54, 284,
    21, 251, 162, 389, 127, 356, 234, 454, 4,
)  # fmt: skip
