"""Whether a frame, its number, its pixels and the sidecar of its sequence say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ofx_reenact.provenance.attributes import FACE, FRAME, MADE_OF, PARTS, PIXELS
from ofx_reenact.provenance.sidecar import FrameEntry, Sidecar

# A frame's header holds its confidence in 32 bits, the sidecar in four digits.
_ROUNDED = 1e-4


def disagreements(frame: int, pixels: str, said: Mapping[str, Any], sidecar: Sidecar) -> list[str]:
    """Say where a frame disagrees with itself or the sidecar; what one of them does not say is no disagreement.

    Args:
        frame: its number, as its file's name has it.
        pixels: digest of its pixels as they are (:func:`~ofx_reenact.frames.digest.pixels_sha256`).
        said: its attributes.
        sidecar: of its sequence.
    """
    found, entry = [], sidecar.frames.get(frame, FrameEntry())
    if said.get(FRAME, frame) != frame:
        found.append(f"was rendered as frame {said[FRAME]}")
    if said.get(PIXELS, pixels) != pixels:
        found.append("its pixels are not those that were rendered")
    found += [
        f"{name} is {said[name]}, the sidecar says {value}"
        for name, value in sidecar.claims.items()
        if value and name in said and said[name] != value
    ]
    take, known = said.get(MADE_OF), sidecar.takes
    if take and ((known and take not in known) or (entry.made_of and take != entry.made_of)):
        found.append("made from other inputs or with other options than the sidecar says")
    own = said.get("reenact:confidence")
    if entry.confidence is not None and isinstance(own, int | float) and abs(own - entry.confidence) > _ROUNDED:
        found.append("another confidence than the sidecar says: is it this frame?")
    if entry.face and said.get(FACE, entry.face) != entry.face:
        found.append(f"the driver's face was {said[FACE]}, the sidecar says {entry.face}")
    if (said.get(PARTS) or None) != (entry.parts or None) and frame in sidecar.frames:
        own_parts, other_parts = (text or "no other frame" for text in (said.get(PARTS), entry.parts))
        found.append(f"parts were taken from {own_parts}, the sidecar says {other_parts}")
    return found
