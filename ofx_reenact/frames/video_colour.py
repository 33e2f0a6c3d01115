"""Find how a video's pixels are coded, and convert them to RGB.

Convention: matrix and range are those that the video gives. If it gives none, the matrix is BT.709 above 1024 × 576
pixels and BT.601 up to that, and luma and chroma have limited range.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange

from ofx_reenact.errors import FrameError

# Number of the matrix in ITU-T H.273, which FFmpeg's scaler uses too → weights of red and blue in luma.
_MATRICES = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    6: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
_UNSPECIFIED, _BT709, _BT601 = (2, 3), 1, 6
# Transfer functions, by the numbers of H.273, that are too different from sRGB to be taken for it.
_TRANSFERS = {8: "linear", 9: "log", 10: "log", 16: "PQ (HDR)", 17: "DCI gamma 2.6", 18: "HLG (HDR)"}
# Flags for FFmpeg's scaler to give the same bits on every machine: bicubic, SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT and
# SWS_BITEXACT, as numbers, since PyAV has names for them only from version 18 on.
_EXACT = 0x4 | 0x40000 | 0x2000 | 0x80000
_SD = (1024, 576)


@dataclass(frozen=True)
class Coding:
    """How a video's frames are coded."""

    matrix: int  # number in H.273
    full_range: bool  # whether black and white are the lowest and highest number
    is_rgb: bool
    grey: bool
    alpha: bool
    bits: int  # of each component
    transfer: str | None  # name of the transfer function, if it is too different from sRGB

    @property
    def depth(self) -> str:
        """The type of the colour channels, named as for picture files."""
        return "uint8" if self.bits <= 8 else "uint16"

    def pixels(self, frame: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return RGB (H, W, 3) float32 and alpha (H, W) float32 or None, from 0 to 1; alpha is not associated."""
        scaled = self.is_rgb or self.bits <= 8 or (self.grey and self.alpha)
        values = self._rgb(frame) if scaled else self._luma_chroma(frame)
        return values[..., :3], values[..., 3] if self.alpha else None

    def _rgb(self, frame: Any) -> np.ndarray:
        """Convert with FFmpeg's scaler: RGB stays unchanged, and 8 bits give the same colours as in players."""
        deep = self.bits > 8
        name = ("rgba64le" if deep else "rgba") if self.alpha else ("rgb48le" if deep else "rgb24")
        coding: dict[str, Any] = {}
        if not self.is_rgb:
            coding = {
                "src_colorspace": self.matrix,
                "src_color_range": ColorRange.JPEG if self.full_range else ColorRange.MPEG,
                "dst_color_range": ColorRange.JPEG,
            }
        values = frame.reformat(format=name, **coding).to_ndarray()
        return np.asarray(values, np.float32) / np.float32(65535 if deep else 255)

    def _luma_chroma(self, frame: Any) -> np.ndarray:
        """Convert more than 8 bits in floats, as FFmpeg's scaler would be wrong by half a level of 8 bits."""
        kind = "gray" if self.grey else "yuva444p" if self.alpha else "yuv444p"
        own = ColorRange.JPEG if self.full_range else ColorRange.MPEG
        levels = {"src_color_range": own, "dst_color_range": own}
        shown = frame.reformat(format=f"{kind}{self.bits}le", interpolation=_EXACT, **levels)
        luma, *others = _planes(shown)
        one = 2.0**self.bits
        black, luma_range, chroma_range = 0.0, one - 1, one - 1
        if not self.full_range:
            black, luma_range, chroma_range = one / 16, one / 256 * 219, one / 256 * 224
        luma = (luma - np.float32(black)) / np.float32(luma_range)
        if self.grey:
            return np.repeat(np.clip(luma, 0, 1)[..., None], 3, axis=-1)
        blue, red = ((plane - np.float32(one / 2)) / np.float32(chroma_range) for plane in others[:2])
        red_weight, blue_weight = _MATRICES[self.matrix]
        to_red, to_blue = 2 * (1 - red_weight), 2 * (1 - blue_weight)
        green_weight = 1 - red_weight - blue_weight
        r, b = luma + np.float32(to_red) * red, luma + np.float32(to_blue) * blue
        g = luma - np.float32(red_weight * to_red / green_weight) * red
        g = g - np.float32(blue_weight * to_blue / green_weight) * blue
        rgb = [np.clip(plane, 0, 1) for plane in (r, g, b)]
        return np.stack([*rgb, *(plane / np.float32(one - 1) for plane in others[2:])], axis=-1)


def coding_of(path: Path, frame: Any) -> Coding:
    """Find how a frame is coded.

    Raises:
        FrameError: its colours cannot be converted to RGB here.
    """
    components = frame.format.components
    name = frame.format.name
    is_rgb = bool(frame.format.is_rgb) or name == "pal8"
    alpha = any(component.is_alpha for component in components) or name == "pal8"
    bits = max(component.bits for component in components)
    matrix = frame.colorspace
    if not is_rgb and matrix in _UNSPECIFIED:
        matrix = _BT601 if frame.width <= _SD[0] and frame.height <= _SD[1] else _BT709
    if not is_rgb and matrix not in _MATRICES:
        raise FrameError(f"{path}: its colours have an unknown matrix (number {matrix} of H.273); convert the video")
    # FFmpeg assumes full range for grey, whatever the file gives.
    grey = name.startswith(("gray", "ya", "mono"))
    full_range = grey or frame.color_range == ColorRange.JPEG or name.startswith("yuvj")
    return Coding(matrix, full_range, is_rgb, grey, alpha, bits, _TRANSFERS.get(frame.color_trc))


def _planes(frame: Any) -> list[np.ndarray]:
    """Return the planes of a planar 16-bit frame, (H, W) float32 each."""
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, "<u2").reshape(-1, plane.line_size // 2)
        planes.append(rows[: frame.height, : frame.width].astype(np.float32))
    return planes
