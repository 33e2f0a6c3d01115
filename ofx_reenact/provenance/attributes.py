"""What every frame says of itself: EXR attributes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import FrameError

# IPTC's term for a picture in which generated parts were composed with a real one.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
NO_CONSENT = "none"
NO_FDGAN = "off"
SOURCE = "Iptc4xmpExt:DigitalSourceType"
PREFIX = "reenact:"
FRAME = "reenact:frame"
PIXELS = "reenact:pixels_sha256"
FACE = "reenact:face"
MADE_OF = "reenact:made_of"
STILL = "reenact:still"
PARTS = "reenact:parts"
PROXY = "reenact:proxy"


def frame_attributes(
    *, weights_sha256: str, fdgan_sha256: str, target: str, driver: str, consent: str | None, made_of: str = "",
    job: str = "", proxy: int = 1,
) -> dict[str, str | int]:
    """Return the EXR attributes that every frame carries.

    ``weights_sha256`` is LD-Net's; ``fdgan_sha256`` is ``NO_FDGAN`` where FD-GAN paints nothing; target and driver are
    names without folders; ``consent`` is the release's id; ``made_of`` is the digest of what the frames are made from;
    ``proxy`` is by how much the plate's resolution was divided, and frames of the whole say nothing of it.
    """
    return {
        "Software": f"ofx-reenact {__version__}",
        SOURCE: SOURCE_TYPE,
        "reenact:version": __version__,
        "reenact:weights_sha256": weights_sha256,
        "reenact:fdgan_sha256": fdgan_sha256,
        "reenact:target": target,
        "reenact:driver": driver,
        MADE_OF: made_of,
        "reenact:consent_id": consent or NO_CONSENT,
        "reenact:job": job_name(job),
        **({PROXY: proxy} if proxy != 1 else {}),
    }


def job_name(given: str = "") -> str:
    """Return the name of the job that this process works for: the queue's own for it, else the one given."""
    return os.environ.get("OFX_REENACT_JOB", given or "desk")


def read_attributes(path: Path) -> dict[str, Any]:
    """Return what a frame says of itself, by attribute; pixels are not read.

    Raises:
        FrameError: it is no picture, or says nothing.
    """
    import OpenImageIO as oiio

    from ofx_reenact.frames.channels import complaint

    source = oiio.ImageInput.open(str(path)) if path.is_file() else None
    if source is None:
        complaint()
        raise FrameError(f"{path}: no such file, or not a picture that can be read")
    try:
        found = {attribute.name: attribute.value for attribute in source.spec().extra_attribs}
    except UnicodeDecodeError as error:
        raise FrameError(f"{path}: its header is damaged: an attribute is no text; render it again") from error
    finally:
        source.close()
    if f"{PREFIX}version" not in found or SOURCE not in found:
        raise FrameError(
            f"{path}: does not say where it comes from; ofx-reenact did not write it, or another program wrote it again"
        )
    return {name: value for name, value in found.items() if name.startswith((PREFIX, SOURCE, "Software"))}


def read_said(path: Path) -> dict[str, Any]:
    """Return this program's own attributes of a frame, by their names without the prefix; empty if it has none."""
    try:
        said = read_attributes(path)
    except FrameError:
        return {}
    return {name.removeprefix(PREFIX): value for name, value in said.items() if name.startswith(PREFIX)}
