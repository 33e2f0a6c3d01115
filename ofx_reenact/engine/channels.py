"""Which channels a frame has, and of which type each is."""

from __future__ import annotations

from ofx_reenact.frames.plate import Plate
from ofx_reenact.settings import Settings


def formats_of(settings: Settings, plate: Plate) -> dict[str, str]:
    """Return the channels of the layers asked for, each with its type, "half" or "float".

    Colour is as deep as ``--depth`` says, or as the plate's; an STMap needs 32 bits.
    """
    depth = settings.depth
    if depth == "auto":
        depth = "float" if plate.depth == "float" else "half"
    formats: dict[str, str] = {}
    if "rgba" in settings.layers:
        formats |= dict.fromkeys("RGB" if plate.alpha is None else "RGBA", depth)
    if "stmap" in settings.layers:
        formats |= {"stmap.u": "float", "stmap.v": "float"}
    return formats | {layer: "half" for layer in ("matte", "confidence") if layer in settings.layers}
