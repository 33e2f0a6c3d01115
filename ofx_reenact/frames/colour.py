"""Colour spaces through OpenColorIO. Scene-linear values are never clamped.

A space is a name: one of the config's, or one that only a file brings with it (:class:`Foreign`).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames import icc
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.config import CONFIG, Config
from ofx_reenact.frames.interop import SHARED
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.primaries import REC709, decode_srgb, encode_srgb, name_primaries, primaries_named, to_xyz
from ofx_reenact.frames.shown import AS_IT_IS
from ofx_reenact.frames.tags import OWN_NAME
from ofx_reenact.stages import stage

# The shared name of the sRGB curve over Rec.709's primaries, used where a config has no such space.
OWN_SRGB = "srgb_rec709_scene"
_EIGHT_BIT = ("uint8", "uint16", "uint10", "uint12")

# A face whose median light, scene-linear, lies between these is shown to networks as it is; others are exposed so that
# it does.
_FACE_LIGHT = (0.06, 0.5)

_Way = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Foreign:
    """A space that the config does not have: how its values (H, W, 3) become XYZ under D65, and come back."""

    decode: _Way
    encode: _Way
    chromaticities: tuple[float, ...] | None = None  # if it is linear


class Colour:
    """Names and converts colour spaces of one OCIO config: ``$OCIO`` if set, else the pinned one."""

    def __init__(self, config: str | None = None) -> None:
        self.name = config or os.environ.get("OCIO") or CONFIG
        self._config = Config(self.name)
        self._foreign: dict[str, Foreign] = {}
        self._linear: dict[str, bool] = {}

    def resolve(self, name: str) -> str:
        """Return the colour space that a name, alias or role stands for.

        Raises:
            FrameError: the config knows no such name.
        """
        if name == "scene_linear":
            return self._config.scene_linear
        found = self._config.find(name)
        if found is None:
            spaces = self._config.spaces
            near = difflib.get_close_matches(name, spaces, n=3, cutoff=0.3)
            raise FrameError(
                f"colour space '{name}' is not in the OCIO config {self.name}; "
                f"{'near are ' + ', '.join(near) if near else 'known are ' + ', '.join(sorted(spaces))}"
            )
        return found

    def srgb(self) -> str:
        """Return the space of ordinary display-encoded pictures: the config's, else :data:`OWN_SRGB`."""
        return OWN_SRGB if self._config.srgb is None else self._config.srgb

    def choose(self, plate: Plate, named: str | None) -> tuple[str, str]:
        """Decide a picture's colour space: its name, and why it is that one.

        Raises:
            FrameError: the named space is unknown, or none was named of a DPX (logs differ too much) or an HDR video.
        """
        if named:
            return self.resolve(named), "named by the user"
        unknown = ""
        if plate.colour_space in SHARED and self._config.find(plate.colour_space) is None:
            return self._choose_primaries(SHARED[plate.colour_space])
        if tag := plate.colour_space or plate.tags.signal:
            if tagged := self._config.find_tag(tag) or (OWN_SRGB if tag == OWN_SRGB else None):
                return tagged, f"the file's tag {tag}"
            unknown = f"; the config does not know the file's tag {tag}"
        if plate.tags.chromaticities:
            return self._choose_primaries(plate.tags.chromaticities)
        if plate.tags.profile and plate.depth in _EIGHT_BIT:
            found = self._choose_profile(plate.tags.profile, plate.tags.profile_name)
            if isinstance(found, tuple):
                return found
            unknown = f"; {found}"
        elif plate.tags.profile:
            unknown = "; the ICC profile of a floating-point picture is not read"
        if ruled := self._config.rule_for(str(plate.path)):
            return ruled, f"a file rule of the OCIO config{unknown}"
        suffix = plate.path.suffix.lower()
        if suffix == ".dpx":
            raise FrameError(f"{plate.path}: a DPX does not say which log it is in; name its space with --colorspace")
        if plate.transfer:
            raise FrameError(
                f"{plate.path}: a video in {plate.transfer}; name its colour space with --driver-colorspace, or with "
                "--colorspace if it is the target, or convert it to Rec.709"
            )
        rule = f"rule for {plate.depth} {suffix or 'pictures'} without a tag"
        if unknown:
            rule = f"rule for {plate.depth} {suffix or 'pictures'}{unknown}"
        return self.srgb() if plate.depth in _EIGHT_BIT else self.resolve("scene_linear"), rule

    def is_scene_linear(self, space: str) -> bool:
        """Tell whether a space is linear in light, so that it can be worked in as it is.

        Asked by converting: twice the colour must be twice the light, and black none.
        """
        if space not in self._linear:
            probe = np.array([[[0, 0, 0], [0.1, 0.2, 0.4], [0.2, 0.4, 0.8], [2, 4, 8]]], np.float32)
            black, once, twice, bright = self.convert(probe, space, self.resolve("scene_linear"))[0]
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
        linear = self._config.scene_linear
        if foreign := self._foreign_of(source):
            rgb, source = _apply(foreign.decode(rgb), _inverse(self._xyz())), linear
        if foreign := self._foreign_of(to):
            return foreign.encode(_apply(self._config.convert(rgb, source, linear), self._xyz()))
        return self._config.convert(rgb, source, to)

    @stage("read")
    def show(self, plate: Plate, named: str | None = None) -> np.ndarray:
        """Show a picture as it was read, in the space chosen for it and in square pixels: (H, W, 3) uint8."""
        return Squeeze.of_plate(plate).show(self.to_display(plate.rgb, self.choose(plate, named)[0]))

    def to_display(self, rgb: np.ndarray, space: str, exposure: float = 1.0) -> np.ndarray:
        """Show (H, W, 3) of any range as sRGB uint8, for trackers and previews; not for frames that go on to a comp.

        NaN shows black. ``exposure`` is a factor on scene-linear light. Halfs (float16) are taken as they are.
        """
        if exposure != 1.0:
            linear = self.resolve("scene_linear")
            rgb = self.convert(rgb.astype(np.float32, copy=False), space, linear) * np.float32(exposure)
            space = linear
        srgb = self.srgb()
        known = self._foreign_of(space) is None and self._foreign_of(srgb) is None
        if known and (shown := self._config.shown(space, srgb)) is not None:
            return shown.apply(rgb)
        return AS_IT_IS.apply(self.convert(rgb.astype(np.float32, copy=False), space, srgb))

    def tags(self, space: str) -> dict[str, str | tuple[float, ...]]:
        """Return the attributes by which an EXR says that it is in a linear space.

        They are a name that other programs know and chromaticities, as far as there are any; of a space that only this
        config names, that name too (:data:`~ofx_reenact.frames.tags.OWN_NAME`).
        """
        if foreign := self._foreign_of(space):
            return {"chromaticities": foreign.chromaticities} if foreign.chromaticities else {}
        shared, chromaticities = self._config.shared_name(space), self._config.chromaticities(space)
        return {
            **({"oiio:ColorSpace": shared} if shared else {OWN_NAME: space}),
            **({"chromaticities": chromaticities} if chromaticities else {}),
        }

    def _choose_primaries(self, chromaticities: tuple[float, ...]) -> tuple[str, str]:
        """Return the linear space of these primaries; numbers of one that the config does not have stay as they are."""
        if found := self._config.find_linear(chromaticities):
            return found, f"the file's chromaticities, which are those of {found}"
        why = "the file's chromaticities, which no space of the OCIO config has; its numbers are kept"
        return name_primaries(chromaticities), why

    def _choose_profile(self, profile: bytes, name: str) -> tuple[str, str] | str:
        """Return the space of an ICC profile, and why; or why it cannot be used."""
        said = icc.describe(profile, name)
        try:
            if icc.is_srgb(profile):
                return self.srgb(), f"the file's {said}, which is sRGB"
        except FrameError:
            return f"its {said} is not read, which is no matrix with three curves"
        self._foreign.setdefault(
            said, Foreign(lambda rgb: icc.to_xyz(profile, rgb), lambda xyz: icc.from_xyz(profile, xyz))
        )
        return said, "embedded in the file"

    def _foreign_of(self, space: str) -> Foreign | None:
        """Return a space that the config does not have, of which the name says enough, or which a file brought."""
        if space not in self._foreign and space not in self._config.spaces:
            if space == OWN_SRGB:
                matrix = to_xyz(REC709)
                self._foreign[space] = Foreign(
                    lambda rgb: _apply(decode_srgb(rgb), matrix), lambda xyz: encode_srgb(_apply(xyz, _inverse(matrix)))
                )
            elif chromaticities := primaries_named(space):
                own = to_xyz(chromaticities)
                self._foreign[space] = Foreign(
                    lambda rgb: _apply(rgb, own), lambda xyz: _apply(xyz, _inverse(own)), chromaticities
                )
        return self._foreign.get(space)

    def _xyz(self) -> np.ndarray:
        """The matrix from the config's linear light to XYZ; where nothing tells it, its primaries are Rec.709's."""
        return to_xyz(REC709) if self._config.xyz is None else self._config.xyz


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


def _apply(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(rgb @ matrix.T.astype(np.float32), np.float32)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.inv(matrix))
