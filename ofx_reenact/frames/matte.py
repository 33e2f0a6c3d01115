"""Mattes that say where a target stays as it is, one for each frame of the result, or one for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.channels import read_file, where_of
from ofx_reenact.frames.plate import Window
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence as Frames

# What a matte is for: to keep the target where it is 1, or where it is 0.
HOLDOUT, MASK = "holdout", "mask"
# Layers and channels that are called so are meant to be mattes, whatever else is in the file; best first.
_SAID = {
    HOLDOUT: (HOLDOUT, "occlusion", "matte", MASK, "roto", "rotopaint_mask"),
    # A holdout's channel says the contrary.
    MASK: (MASK, "matte", "roto", "rotopaint_mask"),
}
# What holds the matte of a file whose names do not say it, best first.
_PLAIN = (("A", "ALPHA"), ("Y", "I", "L"), ("R", "RED"))
# Of a layer of several channels, the one that counts.
_OF_LAYER = ("A", "ALPHA", "R", "RED", "X", "Y")


@dataclass(frozen=True)
class Kept:
    """Where a render keeps its target: a holdout where it is 1, a mask where it is 0; either is enough."""

    holdout: Matte | None
    mask: Matte | None

    @classmethod
    def open(cls, holdout: str, mask: str, frames: Iterable[int], display: Window, data: Window) -> Kept | None:
        """Open the mattes that are named, as :meth:`Matte.open` does and with its errors; None if neither is."""
        wanted = FrameRange.of(frames)
        opened = [
            Matte.open(role, name, wanted, display, data) if name else None
            for role, name in ((HOLDOUT, holdout), (MASK, mask))
        ]
        return cls(*opened) if any(opened) else None

    def read(self, frame: int) -> np.ndarray:
        """Read where the target stays in a frame of the result.

        Returns:
            (H, W) float32 in [0, 1], of the data window; 1 where the target stays.

        Raises:
            FrameError: a matte cannot be read, or is not a number somewhere.
        """
        found = [] if self.holdout is None else [self.holdout.read(frame)]
        found += [] if self.mask is None else [1 - self.mask.read(frame)]
        return np.maximum(*found) if len(found) > 1 else found[0]


@dataclass(frozen=True)
class Matte:
    """The mattes of an option, checked by their headers, and read as frames need them.

    Attributes:
        role: what they are for, ``HOLDOUT`` or ``MASK``.
        name: as the user wrote it.
        display: the target's display window, which every matte has to be as large as.
        data: the target's data window, which mattes are laid out in.
    """

    role: str
    name: str
    display: Window
    data: Window
    _frames: Frames = field(repr=False)
    # The one of all frames: read once.
    _still: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def open(cls, role: str, name: str, frames: Iterable[int], display: Window, data: Window) -> Matte:
        """Open the mattes of frames, and look at the header of each; pixels are read of a single picture alone.

        Args:
            role: what they are for, ``HOLDOUT`` or ``MASK``.
            name: ``M.####.exr`` or a video with the numbers of the result's frames, or one picture for all of them.
            frames: those of the result.
            display: the target's display window.
            data: the target's data window.

        Raises:
            FrameError: there is none for some of the frames, one has another size, or no channel of it is a matte; a
                single picture is not a number somewhere.
        """
        found, wanted = Frames.open(name), FrameRange.of(frames)
        matte = cls(role, name, display, data, found)
        if found.kind == "still":
            return replace(matte, _still=matte.read(found.frames.first))
        elif missing := wanted - found.frames:
            raise FrameError(
                f"{name}: no matte for {_naming(missing)}; a {role} needs one for each frame of the result, or a "
                "single picture for all"
            )
        elif found.kind == "video":
            matte._check_size(found.read_header(found.frames.first).display_window, Path(name), None)
        else:
            for frame in wanted:
                matte._check(frame)
        return matte

    def read(self, frame: int) -> np.ndarray:
        """Read the matte of a frame of the result.

        Returns:
            (H, W) float32 in [0, 1], of the data window; 0 where the matte's own window does not reach.

        Raises:
            FrameError: it cannot be read, or is not a number somewhere.
        """
        if self._still is not None:
            return self._still
        path = self._frames.path(frame)
        if self._frames.kind == "video":
            plate = self._frames.read(frame)
            pixels, window, shown = plate.rgb[..., 0], plate.data_window, plate.display_window
            pixels = pixels if plate.alpha is None else plate.alpha
        else:
            where = where_of(path, frame)
            chosen = choose_matte(list(read_file(path, where, None, ()).channels), where, self.role)
            found = read_file(path, where, None, (chosen,))
            if found.format != "openexr" and found.spec.get_int_attribute("Orientation", 1) != 1:
                raise FrameError(
                    f"{where}: the {self.role} lies turned in its file (EXIF orientation); write it upright"
                )
            pixels, (window, shown) = found.channels[chosen], _windows(found.spec)
        self._check_size(shown, path, frame)
        if bad := int(np.isnan(pixels).sum()):
            raise FrameError(f"{where_of(path, frame)}: {bad} values of the {self.role} are NaN; write the matte again")
        clean = np.clip(pixels.astype(np.float32), 0, 1)
        # Formats without windows begin at (0, 0): what counts is where a matte lies in its display window.
        placed = Window(
            window.x - shown.x + self.display.x, window.y - shown.y + self.display.y, window.width, window.height
        )
        return _place(clean, placed, self.data)

    def _check(self, frame: int) -> None:
        """Check one picture's header."""
        path = self._frames.path(frame)
        where = where_of(path, frame)
        found = read_file(path, where, None, ())
        choose_matte(list(found.channels), where, self.role)
        self._check_size(_windows(found.spec)[1], path, frame)

    def _check_size(self, shown: Window, path: Path, frame: int | None) -> None:
        if (shown.width, shown.height) != (self.display.width, self.display.height):
            raise FrameError(
                f"{where_of(path, frame)}: the {self.role} is {shown.width} x {shown.height} pixels, the target "
                f"{self.display.width} x {self.display.height}; render the matte in the target's format"
            )


def choose_matte(names: Sequence[str], where: str, role: str = HOLDOUT) -> str:
    """Choose the channel that is the matte, by the channels' names alone.

    One that is called as its role (a holdout also occlusion, as the layer is), then matte, mask, roto or
    rotopaint_mask, by itself or by its layer; else alpha; else the only one there is; else luminance; else red.

    Raises:
        FrameError: there is none of these.
    """
    by_name = {name.upper(): name for name in names}
    for said in (one.upper() for one in _SAID[role]):
        if said in by_name:
            return by_name[said]
        layer = {full.rpartition(".")[2]: name for full, name in by_name.items() if full.startswith(f"{said}.")}
        if layer:
            return next((layer[part] for part in _OF_LAYER if part in layer), next(iter(layer.values())))
    plain = {alias: by_name[alias] for aliases in _PLAIN for alias in aliases if alias in by_name}
    alpha = next((plain[alias] for alias in _PLAIN[0] if alias in plain), None)
    if alpha is not None or len(names) == 1:
        return alpha or names[0]
    if plain:
        return next(iter(plain.values()))
    last = {full.rpartition(".")[2]: name for full, name in reversed(by_name.items())}
    if found := next((last[alias] for aliases in _PLAIN for alias in aliases if alias in last), None):
        return found
    raise FrameError(f"{where}: none of its channels is a matte ({', '.join(names[:8])}); name one A, Y, R or matte")


def _windows(spec: object) -> tuple[Window, Window]:
    """Return data and display window of a file, by OpenImageIO's description."""
    names = ("x", "y", "width", "height")
    data = Window(*(getattr(spec, name) for name in names))
    return data, Window(*(getattr(spec, f"full_{name}") for name in names))


def _place(pixels: np.ndarray, window: Window, data: Window) -> np.ndarray:
    """Lay pixels of one window out in another; 0 beyond them."""
    if window == data:
        return np.ascontiguousarray(pixels)
    result = np.zeros((data.height, data.width), np.float32)
    left, top = max(window.x, data.x), max(window.y, data.y)
    right = min(window.x + window.width, data.x + data.width)
    bottom = min(window.y + window.height, data.y + data.height)
    if right > left and bottom > top:
        inside = pixels[top - window.y : bottom - window.y, left - window.x : right - window.x]
        result[top - data.y : bottom - data.y, left - data.x : right - data.x] = inside
    return result


def _naming(frames: FrameRange) -> str:
    return f"frame{'s' if len(frames) > 1 else ''} {frames}"
