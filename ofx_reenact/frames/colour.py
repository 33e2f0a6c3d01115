"""Choose and convert colour spaces with OpenColorIO. Scene-linear values are never clamped.

A colour space is given by its name. Either the config defines it, or only a file or the name itself does
(:class:`ForeignSpace`).
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
from ofx_reenact.frames.colour_interop import SHARED
from ofx_reenact.frames.colour_tags import OWN_NAME
from ofx_reenact.frames.display_table import ROUNDING_TABLE
from ofx_reenact.frames.ocio_config import CONFIG, Config
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.primaries import REC709, decode_srgb, encode_srgb, name_primaries, primaries_named, to_xyz
from ofx_reenact.stages import stage

# The Color Interop Forum's name for sRGB with Rec.709 primaries, used if a config has no such space.
OWN_SRGB = "srgb_rec709_scene"
_INTEGER_DEPTHS = ("uint8", "uint16", "uint10", "uint12")

# Range of a face's median luminance, scene-linear, that networks handle; an exposure brings other faces into it.
_FACE_LUMINANCE = (0.06, 0.5)

_Conversion = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ForeignSpace:
    """A colour space that the config does not have, as two conversions of (H, W, 3) float32."""

    decode: _Conversion  # to XYZ relative to D65
    encode: _Conversion  # from XYZ
    chromaticities: tuple[float, ...] | None = None  # if it is linear


class Colour:
    """Colour spaces of one OCIO config: the one given, else ``$OCIO``, else OCIO's own in a fixed version."""

    def __init__(self, config: str | None = None) -> None:
        self.name = config or os.environ.get("OCIO") or CONFIG
        self._config = Config(self.name)
        self._foreign: dict[str, ForeignSpace] = {}
        self._linear: dict[str, bool] = {}

    def resolve(self, name: str) -> str:
        """Return the colour space with this name, alias or role.

        Raises:
            FrameError: the config has no such name.
        """
        if name == "scene_linear":
            return self._config.scene_linear
        found = self._config.find(name)
        if found is None:
            spaces = self._config.spaces
            near = difflib.get_close_matches(name, spaces, n=3, cutoff=0.3)
            raise FrameError(
                f"colour space '{name}' is not in the OCIO config {self.name}; "
                f"{'similar names are ' + ', '.join(near) if near else 'its spaces are ' + ', '.join(sorted(spaces))}"
            )
        return found

    def srgb(self) -> str:
        """Return the name of the sRGB space of ordinary pictures: the config's, else :data:`OWN_SRGB`."""
        return OWN_SRGB if self._config.srgb is None else self._config.srgb

    def choose(self, plate: Plate, named: str | None) -> tuple[str, str]:
        """Choose a picture's colour space: return its name and the reason.

        Raises:
            FrameError: the named space is unknown, or none is named for a DPX (logs differ too much) or a video unlike
                sRGB.
        """
        if named:
            return self.resolve(named), "named by the user"
        ignored = ""
        if plate.colour_space in SHARED and self._config.find(plate.colour_space) is None:
            return self._choose_primaries(SHARED[plate.colour_space])
        if tag := plate.colour_space or plate.tags.signal:
            if tagged := self._config.find_tag(tag) or (OWN_SRGB if tag == OWN_SRGB else None):
                return tagged, f"the file's tag {tag}"
            ignored = f"; the config does not know the file's tag {tag}"
        if plate.tags.chromaticities:
            return self._choose_primaries(plate.tags.chromaticities)
        if plate.tags.profile and plate.depth in _INTEGER_DEPTHS:
            found = self._choose_profile(plate.tags.profile, plate.tags.profile_name)
            if isinstance(found, tuple):
                return found
            ignored = f"; {found}"
        elif plate.tags.profile:
            ignored = "; the ICC profile of a floating-point picture is not read"
        if ruled := self._config.rule_for(str(plate.path)):
            return ruled, f"a file rule of the OCIO config{ignored}"
        suffix = plate.path.suffix.lower()
        if suffix == ".dpx":
            raise FrameError(
                f"{plate.path}: a DPX does not tell its colour space; name it with --colorspace, or with "
                "--driver-colorspace if it is the driver"
            )
        if plate.transfer:
            raise FrameError(
                f"{plate.path}: a video in {plate.transfer}; name its colour space with --driver-colorspace, or with "
                "--colorspace if it is the target, or convert it to Rec.709"
            )
        rule = f"rule for {plate.depth} {suffix or 'pictures'} without a tag"
        if ignored:
            rule = f"rule for {plate.depth} {suffix or 'pictures'}{ignored}"
        return self.srgb() if plate.depth in _INTEGER_DEPTHS else self.resolve("scene_linear"), rule

    def is_scene_linear(self, space: str) -> bool:
        """Tell whether a space is linear in light, so that no conversion is needed.

        This is tested by converting: doubled values must give doubled light, and black must give no light.
        """
        if space not in self._linear:
            probe = np.array([[[0, 0, 0], [0.1, 0.2, 0.4], [0.2, 0.4, 0.8], [2, 4, 8]]], np.float32)
            black, once, twice, bright = self.convert(probe, space, self.resolve("scene_linear"))[0]
            doubled = np.allclose(twice, 2 * once, rtol=1e-3, atol=1e-5) and np.allclose(bright, 20 * once, rtol=1e-3)
            self._linear[space] = bool(doubled and np.abs(black).max() < 1e-6)
        return self._linear[space]

    def convert(self, rgb: np.ndarray, source: str, to: str) -> np.ndarray:
        """Convert (H, W, 3) float32 between spaces without clamping; equal spaces return the same array.

        Raises:
            FrameError: the config cannot convert between them.
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
        """Convert a plate to sRGB uint8 (H, W, 3) in square pixels, from the colour space chosen for it."""
        return Squeeze.of_plate(plate).stretch_picture(self.to_display(plate.rgb, self.choose(plate, named)[0]))

    def to_display(self, rgb: np.ndarray, space: str, exposure: float = 1.0) -> np.ndarray:
        """Convert (H, W, 3) float16 or float32 of any range to sRGB uint8, for trackers and previews, not for frames.

        NaN becomes black. ``exposure`` is a factor on scene-linear light.
        """
        if exposure != 1.0:
            linear = self.resolve("scene_linear")
            rgb = self.convert(rgb.astype(np.float32, copy=False), space, linear) * np.float32(exposure)
            space = linear
        srgb = self.srgb()
        known = self._foreign_of(space) is None and self._foreign_of(srgb) is None
        if known and (shown := self._config.display_table(space, srgb)) is not None:
            return shown.apply(rgb)
        return ROUNDING_TABLE.apply(self.convert(rgb.astype(np.float32, copy=False), space, srgb))

    def tags(self, space: str) -> dict[str, str | tuple[float, ...]]:
        """Return the attributes that tag an EXR with a linear space.

        These are a name that other programs know, and chromaticities, as far as they exist. A space that only this
        config knows is named in :data:`~ofx_reenact.frames.colour_tags.OWN_NAME`.
        """
        if foreign := self._foreign_of(space):
            return {"chromaticities": foreign.chromaticities} if foreign.chromaticities else {}
        shared, chromaticities = self._config.shared_name(space), self._config.chromaticities(space)
        return {
            **({"oiio:ColorSpace": shared} if shared else {OWN_NAME: space}),
            **({"chromaticities": chromaticities} if chromaticities else {}),
        }

    def _choose_primaries(self, chromaticities: tuple[float, ...]) -> tuple[str, str]:
        """Return the config's linear space of these primaries, else a name for them, and the reason."""
        if found := self._config.find_linear(chromaticities):
            return found, f"the file's chromaticities, which are those of {found}"
        why = "the file's chromaticities, which no space of the OCIO config has; its numbers are kept"
        return name_primaries(chromaticities), why

    def _choose_profile(self, profile: bytes, name: str) -> tuple[str, str] | str:
        """Return the space of an ICC profile, and the reason; or only the reason why it cannot be used."""
        shown_name = icc.describe(profile, name)
        try:
            if icc.is_srgb(profile):
                return self.srgb(), f"the file's {shown_name}, which is sRGB"
        except FrameError:
            return f"its {shown_name} is not read, as it is not a matrix with three curves"
        self._foreign.setdefault(
            shown_name, ForeignSpace(lambda rgb: icc.to_xyz(profile, rgb), lambda xyz: icc.from_xyz(profile, xyz))
        )
        return shown_name, "embedded in the file"

    def _foreign_of(self, space: str) -> ForeignSpace | None:
        """Return a space that the config does not have but a file or its own name defines; None for other spaces."""
        if space not in self._foreign and space not in self._config.spaces:
            if space == OWN_SRGB:
                matrix = to_xyz(REC709)
                self._foreign[space] = ForeignSpace(
                    lambda rgb: _apply(decode_srgb(rgb), matrix), lambda xyz: encode_srgb(_apply(xyz, _inverse(matrix)))
                )
            elif chromaticities := primaries_named(space):
                own = to_xyz(chromaticities)
                self._foreign[space] = ForeignSpace(
                    lambda rgb: _apply(rgb, own), lambda xyz: _apply(xyz, _inverse(own)), chromaticities
                )
        return self._foreign.get(space)

    def _xyz(self) -> np.ndarray:
        """Return the matrix from scene-linear to XYZ; if the config's primaries are unknown, those of Rec.709."""
        return to_xyz(REC709) if self._config.xyz is None else self._config.xyz


class FaceDisplay:
    """The display encoding that networks see of one target: sRGB, after an exposure chosen once from its face."""

    def __init__(self, colour: Colour, space: str, face: np.ndarray | None = None) -> None:
        """Choose the exposure from pixels (n, 3) of the face in a scene-linear space; without them it is 1."""
        self._colour, self._space = colour, space
        self.exposure = 1.0
        if face is not None and len(face):
            light = float(np.median(face @ np.array([0.2126, 0.7152, 0.0722], face.dtype)))
            self.exposure = float(np.clip(light, *_FACE_LUMINANCE) / light) if light > 1e-6 else 1.0

    def encode(self, light: np.ndarray) -> np.ndarray:
        """Convert scene-linear (H, W, 3) to display-encoded (H, W, 3) float32 in [0, 1]."""
        shown = self._colour.convert(light * np.float32(self.exposure), self._space, self._colour.srgb())
        return np.clip(shown, 0, 1)

    def decode(self, shown: np.ndarray) -> np.ndarray:
        """Convert display-encoded (H, W, 3) to scene-linear (H, W, 3) float32."""
        light = self._colour.convert(np.ascontiguousarray(shown, np.float32), self._colour.srgb(), self._space)
        return light / np.float32(self.exposure)


def _apply(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(rgb @ matrix.T.astype(np.float32), np.float32)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.inv(matrix))
