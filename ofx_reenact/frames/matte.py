"""Holdout and mask mattes, which keep the target unchanged: one for each frame of the result, or one for all."""

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

# Roles of a matte: the target stays unchanged where a holdout is 1, and where a mask is 0.
HOLDOUT, MASK = "holdout", "mask"
# Names of layers and channels that are mattes, whatever else is in the file, most likely first.
_MATTE_NAMES = {
    HOLDOUT: (HOLDOUT, "occlusion", "matte", MASK, "roto", "rotopaint_mask"),
    # Without the name holdout, which means the opposite.
    MASK: (MASK, "matte", "roto", "rotopaint_mask"),
}
# Channels that are the matte of a file without such names, most likely first.
_USUAL = (("A", "ALPHA"), ("Y", "I", "L"), ("R", "RED"))
# In a layer of several channels, those that may be the matte, most likely first.
_OF_LAYER = ("A", "ALPHA", "R", "RED", "X", "Y")


@dataclass(frozen=True)
class Protection:
    """The holdout and the mask of a render; the target stays unchanged where the holdout is 1 or the mask is 0."""

    holdout: Matte | None
    mask: Matte | None

    @classmethod
    def open(cls, holdout: str, mask: str, frames: Iterable[int], display: Window, data: Window) -> Protection | None:
        """Open the mattes with :meth:`Matte.open`; an empty name is none. Return None if both names are empty."""
        wanted = FrameRange.of(frames)
        opened = [
            Matte.open(role, name, wanted, display, data) if name else None
            for role, name in ((HOLDOUT, holdout), (MASK, mask))
        ]
        return cls(*opened) if any(opened) else None

    def read(self, frame: int) -> np.ndarray:
        """Read where the target stays unchanged in a frame of the result.

        Returns:
            (H, W) float32 in [0, 1], over the data window; 1 where the target stays unchanged.

        Raises:
            FrameError: a matte cannot be read, or has NaN.
        """
        found = [] if self.holdout is None else [self.holdout.read(frame)]
        found += [] if self.mask is None else [1 - self.mask.read(frame)]
        return np.maximum(*found) if len(found) > 1 else found[0]


@dataclass(frozen=True)
class Matte:
    """The mattes that one option names. Headers are checked when it is opened; pixels are read frame by frame.

    Attributes:
        role: ``HOLDOUT`` or ``MASK``.
        name: the name that the user wrote.
        display: the target's display window; every matte's must have the same size.
        data: the target's data window, over which mattes are returned.
    """

    role: str
    name: str
    display: Window
    data: Window
    _frames: Frames = field(repr=False)
    # The matte, if one picture is used for all frames.
    _still: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def open(cls, role: str, name: str, frames: Iterable[int], display: Window, data: Window) -> Matte:
        """Open the mattes and check the header of each; only a single picture for all frames is read completely.

        Args:
            role: ``HOLDOUT`` or ``MASK``.
            name: ``M.####.exr`` or a video with the numbers of the result's frames, or one picture for all of them.
            frames: the frames of the result.
            display: the target's display window.
            data: the target's data window.

        Raises:
            FrameError: a frame has no matte, a matte has another size or no channel that can be a matte, or a single
                picture has NaN.
        """
        found, wanted = Frames.open(name), FrameRange.of(frames)
        matte = cls(role, name, display, data, found)
        if found.kind == "still":
            return replace(matte, _still=matte.read(found.frames.first))
        elif missing := wanted - found.frames:
            raise FrameError(
                f"{name}: no matte for {_list_frames(missing)}; a {role} needs one for each frame of the result, or a "
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
            (H, W) float32 in [0, 1], over the data window; 0 outside the matte's own data window.

        Raises:
            FrameError: it cannot be read, or has NaN.
        """
        if self._still is not None:
            return self._still
        path = self._frames.path(frame)
        if self._frames.kind == "video":
            plate = self._frames.read(frame)
            pixels, data, display = plate.rgb[..., 0], plate.data_window, plate.display_window
            pixels = pixels if plate.alpha is None else plate.alpha
        else:
            where = where_of(path, frame)
            chosen = choose_matte(list(read_file(path, where, None, ()).channels), where, self.role)
            found = read_file(path, where, None, (chosen,))
            if found.format != "openexr" and found.spec.get_int_attribute("Orientation", 1) != 1:
                raise FrameError(
                    f"{where}: the {self.role} is stored rotated (EXIF orientation); write it upright"
                )
            pixels, (data, display) = found.channels[chosen], _windows(found.spec)
        self._check_size(display, path, frame)
        if bad := int(np.isnan(pixels).sum()):
            raise FrameError(f"{where_of(path, frame)}: {bad} values of the {self.role} are NaN; write the matte again")
        clean = np.clip(pixels.astype(np.float32), 0, 1)
        # Formats without windows begin at (0, 0), so the matte's position in its own display window is used.
        placed = Window(
            data.x - display.x + self.display.x, data.y - display.y + self.display.y, data.width, data.height
        )
        return _place(clean, placed, self.data)

    def _check(self, frame: int) -> None:
        """Check one picture's header."""
        path = self._frames.path(frame)
        where = where_of(path, frame)
        found = read_file(path, where, None, ())
        choose_matte(list(found.channels), where, self.role)
        self._check_size(_windows(found.spec)[1], path, frame)

    def _check_size(self, display: Window, path: Path, frame: int | None) -> None:
        if (display.width, display.height) != (self.display.width, self.display.height):
            raise FrameError(
                f"{where_of(path, frame)}: the {self.role} is {display.width} x {display.height} pixels, the target "
                f"{self.display.width} x {self.display.height}; render the matte in the target's format"
            )


def choose_matte(names: Sequence[str], where: str, role: str = HOLDOUT) -> str:
    """Choose the channel that is the matte, by name.

    The order is: a channel or layer named after the role (or occlusion for a holdout), matte, mask, roto or
    rotopaint_mask; alpha; the only channel; luminance; red.

    Raises:
        FrameError: there is none of these.
    """
    by_name = {name.upper(): name for name in names}
    for wanted in (one.upper() for one in _MATTE_NAMES[role]):
        if wanted in by_name:
            return by_name[wanted]
        layer = {full.rpartition(".")[2]: name for full, name in by_name.items() if full.startswith(f"{wanted}.")}
        if layer:
            return next((layer[part] for part in _OF_LAYER if part in layer), next(iter(layer.values())))
    usual = {alias: by_name[alias] for aliases in _USUAL for alias in aliases if alias in by_name}
    alpha = next((usual[alias] for alias in _USUAL[0] if alias in usual), None)
    if alpha is not None or len(names) == 1:
        return alpha or names[0]
    if usual:
        return next(iter(usual.values()))
    last = {full.rpartition(".")[2]: name for full, name in reversed(by_name.items())}
    if found := next((last[alias] for aliases in _USUAL for alias in aliases if alias in last), None):
        return found
    raise FrameError(f"{where}: none of its channels is a matte ({', '.join(names[:8])}); name one A, Y, R or matte")


def _windows(spec: object) -> tuple[Window, Window]:
    """Return the data and display window in an OpenImageIO ImageSpec."""
    names = ("x", "y", "width", "height")
    data = Window(*(getattr(spec, name) for name in names))
    return data, Window(*(getattr(spec, f"full_{name}") for name in names))


def _place(pixels: np.ndarray, window: Window, data: Window) -> np.ndarray:
    """Copy pixels (H, W) that cover ``window`` into a new array that covers ``data``; it is 0 elsewhere."""
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


def _list_frames(frames: FrameRange) -> str:
    return f"frame{'s' if len(frames) > 1 else ''} {frames}"
