"""Write frames as EXR, with all that is kept of the plate, completely or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import OutputError
from ofx_reenact.files import write_whole
from ofx_reenact.frames.channels import LAYER_ATTRIBUTE, find_damage, take_error
from ofx_reenact.frames.digest import LOSSY, pixels_sha256
from ofx_reenact.frames.halves import interleave_halves
from ofx_reenact.frames.picture_layer import COLOUR
from ofx_reenact.frames.plate import Plate
from ofx_reenact.temporary import temporary_beside


def write_frame(
    path: Path,
    plate: Plate,
    channels: Mapping[str, np.ndarray],
    *,
    formats: Mapping[str, str],
    compression: str = "zip",
    attributes: Mapping[str, Any],
    digest: str = "",
) -> None:
    """Write an EXR with a plate's windows, attributes and other channels; completely or not at all.

    Args:
        path: file to write.
        plate: the plate that the frame was made from.
        channels: (H, W) arrays by full name, over the plate's data window; they replace the plate's of the same name.
        formats: type of each of ``channels``, "half" or "float".
        compression: OpenEXR's name of the compression.
        attributes: attributes to add: str, int, float, tuple of floats.
        digest: attribute in which :func:`~ofx_reenact.frames.digest.pixels_sha256` is written; none if empty, or if the
            compression is lossy.

    Raises:
        OutputError: the folder or the disk does not accept it; no partial file stays.
    """
    arrays = {**channels, **{name: pixels for name, pixels in plate.extra.items() if name not in channels}}
    types = {name: oiio.TypeDesc(formats[name]) if name in formats else _type(arrays[name]) for name in arrays}
    names = _ordered(arrays)
    spec = oiio.ImageSpec(plate.attributes)
    data, display = plate.data_window, plate.display_window
    spec.x, spec.y, spec.width, spec.height = data.x, data.y, data.width, data.height
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display.x, display.y, display.width, display.height
    spec.nchannels, spec.channelnames = len(names), tuple(names)
    # If all channels have one type, OpenImageIO uses this format and not channelformats.
    spec.set_format(types[names[0]])
    spec.channelformats = tuple(types[name] for name in names)
    alpha = plate.names[3]
    spec.alpha_channel = names.index(alpha) if alpha in names else -1
    spec.attribute("compression", compression)
    spec.erase_attribute(LAYER_ATTRIBUTE)
    if plate.layer:
        spec.attribute(LAYER_ATTRIBUTE, plate.layer)
    for name, value in attributes.items():
        if isinstance(value, tuple):
            spec.attribute(name, oiio.TypeDesc(f"float[{len(value)}]"), value)
        else:
            spec.attribute(name, value)
    lossy = compression in LOSSY
    pixels, stored = _interleave(arrays, types, names)
    if digest:
        # If the plate is a rendered frame itself, it has a digest of its own.
        spec.erase_attribute(digest)
        if not lossy:
            spec.attribute(digest, pixels_sha256(stored))
    del stored
    _write(path, spec, pixels, lossy)


def _ordered(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return the channel names with colour first, in the order in which OpenImageIO reads an EXR."""
    first = [name for name in (*COLOUR, "A") if name in arrays]
    return [*first, *sorted(name for name in arrays if name not in first)]


def _type(pixels: np.ndarray) -> Any:
    return oiio.TypeDesc({"float16": "half", "uint32": "uint"}.get(pixels.dtype.name, "float"))


def _interleave(
    arrays: Mapping[str, np.ndarray], types: Mapping[str, Any], names: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the picture (H, W, C) to pass to OpenImageIO, and the channels by name as the file will contain them.

    If all channels are half, the picture is half. Else it is float, which OpenImageIO converts to their types; for an
    integer channel it expects fractions of the largest integer.
    """
    planes = [arrays[name] for name in names]
    if all(str(types[name]) == "half" for name in names):
        pixels = interleave_halves(planes)
        return pixels, {name: pixels[..., index] for index, name in enumerate(names)}
    pixels = np.empty((*planes[0].shape, len(names)), np.float32)
    stored: dict[str, np.ndarray] = {}
    for index, (name, plane) in enumerate(zip(names, planes, strict=True)):
        kind, passed = str(types[name]), pixels[..., index]
        if kind == "half":
            stored[name] = interleave_halves([plane])[..., 0]
            passed[...] = stored[name]
        elif kind == "uint":
            stored[name] = plane
            passed[...] = plane.astype(np.float64) / (2**32 - 1)
        else:
            passed[...] = plane
            stored[name] = passed
    return pixels, stored


def _write(path: Path, spec: Any, pixels: np.ndarray, lossy: bool) -> None:
    sink: Any = oiio.ImageOutput.create("openexr")
    with write_whole(path) as partial:
        done = sink.open(str(partial), spec) and sink.write_image(pixels) and sink.close()
        if not done:
            reason = take_error(sink)
            sink.close()
            raise OutputError(f"{path}: cannot be written ({_cause(path, reason, spec)})")
        written = None if lossy else {name: pixels[..., index] for index, name in enumerate(spec.channelnames)}
        if (damage := find_damage(partial, written)) is not None:
            raise OutputError(f"{path}: cannot be written whole ({_cause(path, damage, spec)})")


def _cause(path: Path, message: str, spec: Any) -> str:
    """Find why writing failed, by writing a test file: the library's message often gives no reason."""
    probe = temporary_beside(path)
    try:
        with probe.open("wb") as file:
            file.write(bytes(1 << 20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return "the disk is full or the file size is limited"
        return error.strerror or str(error)
    finally:
        probe.unlink(missing_ok=True)
    is_short = shutil.disk_usage(path.parent).free < spec.image_bytes()
    return f"{message}; is the disk full?" if is_short else message
