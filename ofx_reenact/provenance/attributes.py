"""The EXR attributes of every frame: how it was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import FrameError

# IPTC's term for a real picture composed with parts that a trained model made.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
NO_CONSENT = "none"
NO_FDGAN = "off"
SOURCE = "Iptc4xmpExt:DigitalSourceType"
PREFIX = "reenact:"
# Names of attributes; docs/provenance.md describes them.
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
    """Return the EXR attributes that all frames of a render have.

    Args:
        weights_sha256: of LD-Net.
        fdgan_sha256: of FD-GAN; ``NO_FDGAN`` if it paints nothing.
        target: file name without folders.
        driver: file name without folders.
        consent: id of the release; None without one.
        made_of: digest of inputs, settings and weights (``MadeOf.digest``).
        job: name of the job, used if ``$OFX_REENACT_JOB`` is not set; empty: ``desk``.
        proxy: divisor of the plate's resolution; 1 (full resolution) is not written.
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
    """Return the job's name: ``$OFX_REENACT_JOB``, which a queue sets, else ``given``, else ``desk``."""
    return os.environ.get("OFX_REENACT_JOB", given or "desk")


def read_attributes(path: Path) -> dict[str, Any]:
    """Return a frame's attributes on how it was made; no pixels are read.

    Raises:
        FrameError: it is not a picture, or has no such attributes.
    """
    import OpenImageIO as oiio

    from ofx_reenact.frames.channels import take_error

    source = oiio.ImageInput.open(str(path)) if path.is_file() else None
    if source is None:
        take_error()
        raise FrameError(f"{path}: no such file, or not a picture that can be read")
    try:
        found = {attribute.name: attribute.value for attribute in source.spec().extra_attribs}
    except UnicodeDecodeError as error:
        raise FrameError(f"{path}: its header is damaged: an attribute is no text; render it again") from error
    finally:
        source.close()
    if f"{PREFIX}version" not in found or SOURCE not in found:
        raise FrameError(
            f"{path}: has no provenance attributes; ofx-reenact did not write it, or another program wrote it again"
        )
    return {name: value for name, value in found.items() if name.startswith((PREFIX, SOURCE, "Software"))}


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the ``reenact:`` attributes of a frame, without the prefix; empty if it has none or cannot be read."""
    try:
        attributes = read_attributes(path)
    except FrameError:
        return {}
    return {name.removeprefix(PREFIX): value for name, value in attributes.items() if name.startswith(PREFIX)}
