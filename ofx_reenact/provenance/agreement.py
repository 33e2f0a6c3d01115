"""Compare a frame's attributes with its number, its pixels and the sidecar of its sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ofx_reenact.provenance.attributes import FACE, FRAME, MADE_OF, PARTS, PIXELS
from ofx_reenact.provenance.sidecar import FrameEntry, Sidecar

# Largest difference in confidence: a frame stores it as a 32-bit float, the sidecar with four decimals.
_ROUNDED = 1e-4


def find_disagreements(frame: int, pixels: str, attributes: Mapping[str, Any], sidecar: Sidecar) -> list[str]:
    """Return where a frame's attributes contradict its number, its pixels or the sidecar. Missing values do not count.

    Args:
        frame: the number in the file's name.
        pixels: digest of the decoded pixels (:func:`~ofx_reenact.frames.digest.pixels_sha256`).
        attributes: its attributes.
        sidecar: of the sequence.
    """
    found, entry = [], sidecar.frames.get(frame, FrameEntry())
    if attributes.get(FRAME, frame) != frame:
        found.append(f"was rendered as frame {attributes[FRAME]}")
    if attributes.get(PIXELS, pixels) != pixels:
        found.append("its pixels are not those that were rendered")
    found += [
        f"{name} is {attributes[name]}, the sidecar says {value}"
        for name, value in sidecar.claims.items()
        if value and name in attributes and attributes[name] != value
    ]
    take, known = attributes.get(MADE_OF), sidecar.takes
    if take and ((known and take not in known) or (entry.made_of and take != entry.made_of)):
        found.append("made from other inputs or with other options than the sidecar says")
    own = attributes.get("reenact:confidence")
    if entry.confidence is not None and isinstance(own, int | float) and abs(own - entry.confidence) > _ROUNDED:
        found.append("another confidence than the sidecar says; perhaps it is another frame")
    if entry.face and attributes.get(FACE, entry.face) != entry.face:
        found.append(f"the driver's face was {attributes[FACE]}, the sidecar says {entry.face}")
    if (attributes.get(PARTS) or None) != (entry.parts or None) and frame in sidecar.frames:
        own_parts, other_parts = (text or "no other frame" for text in (attributes.get(PARTS), entry.parts))
        found.append(f"parts were taken from {own_parts}, the sidecar says {other_parts}")
    return found
