"""Colour spaces through OpenColorIO, as OpenImageIO brings it. Scene-linear values are never clamped."""

from __future__ import annotations

import difflib
import os

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.plate import Plate
from ofx_reenact.stages import stage

# Named in full: "default" is another config in another library's wheel.
CONFIG = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"
_SRGB, _LINEAR = ("sRGB - Texture", "srgb_tx", "sRGB Encoded Rec.709 (sRGB)"), "scene_linear"
_EIGHT_BIT = ("uint8", "uint16", "uint10", "uint12")

# A face whose median light, scene-linear, lies between these is shown to networks as it is; others are exposed so that
# it does.
_FACE_LIGHT = (0.06, 0.5)


class Colour:
    """Names and converts colour spaces of one OCIO config: ``$OCIO`` if set, else the pinned one."""

    def __init__(self, config: str | None = None) -> None:
        self.name = config or os.environ.get("OCIO") or CONFIG
        self._config = oiio.ColorConfig(self.name)
        if error := self._config.geterror():
            raise FrameError(f"OCIO config {self.name}: {' '.join(error.split())}")
        self._spaces = set(self._config.getColorSpaceNames())
        self._linear: dict[str, bool] = {}

    def resolve(self, name: str) -> str:
        """Return the colour space that a name, alias or role stands for.

        Raises:
            FrameError: the config knows no such name.
        """
        found = self._config.resolve(name)
        if found not in self._spaces:
            near = difflib.get_close_matches(name, self._spaces, n=3, cutoff=0.3)
            raise FrameError(
                f"colour space '{name}' is not in the OCIO config {self.name}; "
                f"{'near are ' + ', '.join(near) if near else 'known are ' + ', '.join(sorted(self._spaces))}"
            )
        return found

    def srgb(self) -> str:
        """Return the config's space of ordinary display-encoded pictures."""
        known = (self._config.resolve(name) for name in _SRGB)
        found = next((space for space in known if space in self._spaces), None)
        if found is None:
            raise FrameError(f"OCIO config {self.name} has no sRGB texture space; name the picture's with --colorspace")
        return found

    def choose(self, plate: Plate, named: str | None) -> tuple[str, str]:
        """Decide a picture's colour space: its name, and why it is that one.

        Raises:
            FrameError: the named space is unknown, or none was named of a DPX (logs differ too much) or an HDR video.
        """
        if named:
            return self.resolve(named), "named by the user"
        if plate.colour_space:
            tagged = self._config.resolve(plate.colour_space)
            if tagged in self._spaces:
                return tagged, f"the file's tag {plate.colour_space}"
        suffix = plate.path.suffix.lower()
        if suffix == ".dpx":
            raise FrameError(f"{plate.path}: a DPX does not say which log it is in; name its space with --colorspace")
        if plate.transfer:
            raise FrameError(
                f"{plate.path}: a video in {plate.transfer}; name its colour space with --driver-colorspace, or with "
                "--colorspace if it is the target, or convert it to Rec.709"
            )
        if plate.depth in _EIGHT_BIT:
            return self.srgb(), f"rule for {plate.depth} {suffix or 'pictures'} without a tag"
        return self.resolve(_LINEAR), f"rule for {plate.depth} {suffix or 'pictures'} without a tag"

    def is_scene_linear(self, space: str) -> bool:
        """Tell whether a space is linear in light, so that it can be worked in as it is.

        Asked by converting: twice the colour must be twice the light, and black none.
        """
        if space not in self._linear:
            probe = np.array([[[0, 0, 0], [0.1, 0.2, 0.4], [0.2, 0.4, 0.8], [2, 4, 8]]], np.float32)
            black, once, twice, bright = self.convert(probe, space, self.resolve(_LINEAR))[0]
            doubled = np.allclose(twice, 2 * once, rtol=1e-3, atol=1e-5) and np.allclose(bright, 20 * once, rtol=1e-3)
            self._linear[space] = bool(doubled and np.abs(black).max() < 1e-6)
        return self._linear[space]

    def convert(self, rgb: np.ndarray, source: str, to: str) -> np.ndarray:
        """Convert (H, W, 3) float32 from one space to another; HDR survives; the same array if they are one.

        Raises:
            FrameError: the config has no way from one to the other.
        """
        if source == to:
            return rgb
        picture = oiio.ImageBuf(np.ascontiguousarray(rgb, np.float32))
        result = oiio.ImageBufAlgo.colorconvert(picture, source, to, False, "", "", self.name)
        if result.has_error:
            raise FrameError(f"colour conversion {source} → {to}: {' '.join(result.geterror().split())}")
        return np.asarray(result.get_pixels(oiio.FLOAT))

    @stage("read")
    def show(self, plate: Plate, named: str | None = None) -> np.ndarray:
        """Show a picture as it was read, in the space chosen for it and in square pixels: (H, W, 3) uint8."""
        return Squeeze.of_plate(plate).show(self.to_display(plate.rgb, self.choose(plate, named)[0]))

    def to_display(self, rgb: np.ndarray, space: str, exposure: float = 1.0) -> np.ndarray:
        """Show (H, W, 3) of any range as sRGB uint8, for trackers and previews; not for frames that go on to a comp.

        NaN shows black. ``exposure`` is a factor on scene-linear light.
        """
        if exposure != 1.0:
            linear = self.resolve(_LINEAR)
            rgb, space = self.convert(rgb, space, linear) * np.float32(exposure), linear
        shown = self.convert(rgb, space, self.srgb())
        with np.errstate(invalid="ignore"):
            return np.rint(np.nan_to_num(np.clip(shown, 0, 1), nan=0.0) * 255).astype(np.uint8)

    def chromaticities(self, space: str) -> tuple[float, ...] | None:
        """Return red, green, blue and white (x, y) of a space; None if unknown, as always before OpenImageIO 3.1."""
        ask = getattr(self._config, "get_chromaticities", None)
        known = ask(space) if ask else None
        return tuple(float(v) for v in known) if known and len(known) == 8 else None


class Display:
    """The display encoding that networks see, for one target: sRGB after an exposure taken once from its face."""

    def __init__(self, colour: Colour, space: str, face: np.ndarray | None = None) -> None:
        """Choose the exposure from pixels (n, 3) of the face in a scene-linear space; None leaves it alone."""
        self._colour, self._space = colour, space
        self.exposure = 1.0
        if face is not None and len(face):
            light = float(np.median(face @ np.array([0.2126, 0.7152, 0.0722], face.dtype)))
            self.exposure = float(np.clip(light, *_FACE_LIGHT) / light) if light > 1e-6 else 1.0

    def encode(self, light: np.ndarray) -> np.ndarray:
        """Scene-linear (H, W, 3) → display-encoded (H, W, 3) float32 in [0, 1]."""
        shown = self._colour.convert(light * np.float32(self.exposure), self._space, self._colour.srgb())
        return np.clip(shown, 0, 1)

    def decode(self, shown: np.ndarray) -> np.ndarray:
        """Display-encoded (H, W, 3) → scene-linear (H, W, 3) float32."""
        light = self._colour.convert(np.ascontiguousarray(shown, np.float32), self._colour.srgb(), self._space)
        return light / np.float32(self.exposure)
