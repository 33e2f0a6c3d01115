"""One OCIO config: which of its spaces is linear light, which is sRGB, what its primaries are.

Studios name spaces as they like, so each is looked for by role, then by name, then by what converting does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.interop import OLD_NAMES, SHARED, XYZ
from ofx_reenact.frames.primaries import AP0, AP1, REC709, SAME, decode_srgb, to_xyz
from ofx_reenact.frames.shown import AS_IT_IS, Shown
from ofx_reenact.frames.transform import Transform, one_line

# Named in full: "default" is another config in another library's wheel.
CONFIG = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"

_LINEAR = "scene_linear"
# Roles that may stand for linear light where there is no scene_linear; each is asked whether it is.
_LINEAR_ROLES = ("rendering", "compositing_linear", "default", "reference", "aces_interchange")
# Names of ordinary display-encoded pictures: of the configs of ACES, and those that programs share.
_SRGB = ("sRGB - Texture", "srgb_tx", "sRGB Encoded Rec.709 (sRGB)", "srgb_rec709_scene", "srgb_rec709_display")
_SRGB_ROLES = ("texture_paint", "matte_paint", "color_picking")
# Names of linear spaces and their primaries, best known first.
_KNOWN = {
    "aces_interchange": AP0, "ACES2065-1": AP0, "ACES - ACES2065-1": AP0, "lin_ap0": AP0, "ACEScg": AP1,
    "ACES - ACEScg": AP1, "lin_ap1": AP1, "Linear Rec.709 (sRGB)": REC709, "lin_rec709": REC709, "lin_srgb": REC709,
    "Utility - Linear - sRGB": REC709, "Utility - Linear - Rec.709": REC709, **SHARED,
}  # fmt: skip
_KNOWN_FOLDED = {name.lower(): chromaticities for name, chromaticities in _KNOWN.items()}
# How far from the sRGB curve, of light from 0 to 1, a space that tabulates it may be.
_CURVE = 2e-3
_REFERENCES = (ocio.REFERENCE_SPACE_SCENE, ocio.REFERENCE_SPACE_DISPLAY)
# The rule of OpenColorIO that looks for names of spaces in paths.
_PATH_SEARCH = "ColorSpaceNamePathSearch"
_GREYS = np.repeat(np.linspace(0, 1, 9, dtype=np.float32)[:, None], 3, axis=1)[None]


class Config:
    """A config by its name; what it answers is found once.

    Raises:
        FrameError: it cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        with _silence(), one_line(f"OCIO config {name}"):
            # Bytes, as a path need not be text.
            self._config = ocio.Config.CreateFromFile(os.fsencode(name))
            names = self._config.getColorSpaceNames(ocio.SEARCH_REFERENCE_SPACE_ALL, ocio.COLORSPACE_ALL)
            self._spaces = {space: self._config.getColorSpace(space) for space in names}
            self._roles = set(self._config.getRoleNames())
        self.spaces = tuple(self._spaces)
        if all(space.isData() for space in self._spaces.values()):
            raise FrameError(f"OCIO config {name}: has colour spaces of data alone; set OCIO to another, or unset it")
        self._of_primaries: dict[tuple[float, ...], str | None] = {}
        self._transforms: dict[tuple[str, str], Transform] = {}

    @property
    def is_ocios_own(self) -> bool:
        """Whether it is one of the configs that OCIO brings with it."""
        return self.name.startswith("ocio://")

    def find(self, name: str) -> str | None:
        """Return the space that a name, alias or role stands for; None if the config does not know it.

        A name that many programs share is also found by what its space does.
        """
        if (found := self._look_up(name) or self._look_up(name.removeprefix("ocio:"))) is not None:
            return found
        if (known := _KNOWN_FOLDED.get(name.lower())) is not None:
            return self.find_linear(known)
        if name.lower() == "linear":
            return self.find_linear(REC709) or self._identify("lin_rec709_scene")
        if name.lower() in ("srgb", "srgb_rec709_scene"):
            return self.srgb
        if name.lower() == "srgb_rec709_display":
            return self._look_up(OLD_NAMES["srgb_rec709_display"]) or self._identify("srgb_display")
        return None

    def find_tag(self, tag: str) -> str | None:
        """Return the space that a file's tag stands for, which may be a name that many programs share."""
        if (named := self.find(tag)) is not None:
            return named
        shared = (name for name, space in self._spaces.items() if space.getInteropID() == tag)
        return next(shared, None) or self._look_up(OLD_NAMES.get(tag, ""))

    @cached_property
    def scene_linear(self) -> str:
        """The space of linear light to work in.

        Raises:
            FrameError: no space of the config is linear.
        """
        if (named := self.find(_LINEAR)) is not None:
            return named
        roles = [found for role in _LINEAR_ROLES if role in self._roles and (found := self._look_up(role))]
        by_name = sorted(self.spaces, key=lambda space: "lin" not in space.lower() and space not in _KNOWN)
        if (found := next(filter(self._is_linear, (*roles, *by_name)), None)) is not None:
            return found
        raise FrameError(f"OCIO config {self.name} has no role scene_linear, and none of its spaces is linear")

    @cached_property
    def srgb(self) -> str | None:
        """The space of ordinary display-encoded pictures; None if none that may be it converts as sRGB does."""
        named = [found for name in _SRGB if (found := self._look_up(name))]
        if named and self.is_ocios_own:
            # OCIO's own configs keep what their names say; asking them would take each start a third of a second.
            return named[0]
        if identified := self._identify("srgb_tx"):
            named.append(identified)
        return next((space for space in dict.fromkeys((*named, *self._srgb_like())) if self._is_srgb(space)), None)

    @cached_property
    def xyz(self) -> np.ndarray | None:
        """The matrix (3, 3) from linear light to XYZ under D65; None if nothing tells the primaries."""
        for name, chromaticities in _KNOWN.items():
            space = self._look_up(name)
            if space is not None and self._is_linear(space):
                return np.asarray(to_xyz(chromaticities) @ self._matrix(self.scene_linear, space))
        for space in self._srgb_like():
            if self._has_curve(space) and abs(np.linalg.det(light := self._matrix(space, self.scene_linear))) > 1e-6:
                return np.asarray(to_xyz(REC709) @ np.linalg.inv(light))
        return None

    def find_linear(self, chromaticities: tuple[float, ...]) -> str | None:
        """Return the linear space of these primaries; None if there is none, or the config's own are not known."""
        if chromaticities not in self._of_primaries:
            self._of_primaries[chromaticities] = self._search_linear(chromaticities)
        return self._of_primaries[chromaticities]

    def rule_for(self, path: str) -> str | None:
        """Return the space that the config's file rules name for a file; None if only their default applies.

        Names of spaces that a path happens to hold are not taken for one: ``/show/raw/plate.exr`` is no data.
        """
        given = os.fsencode(path)
        # OCIO's own take every EXR for ACES2065-1, which few are.
        if self.is_ocios_own or self._config.filepathOnlyMatchesDefaultRule(given):
            return None
        ruled, rule = self._config.getColorSpaceFromFilepath(given)
        return None if self._config.getFileRules().getName(rule) == _PATH_SEARCH else self.find(ruled)

    def chromaticities(self, space: str) -> tuple[float, ...] | None:
        """Return red, green, blue and white (x, y) of a linear space; None if it is none, or they are unknown."""
        if self.xyz is None or not self._is_linear(space):
            return None
        shared = self._shared_id(space) if self.is_ocios_own else self.shared_name(space)
        return XYZ if shared == "lin_ciexyzd65_scene" else SHARED.get(shared or "")

    def shared_name(self, space: str) -> str | None:
        """Return the name by which programs with other configs know a linear space; None if there is none."""
        if self.is_ocios_own:
            return space if self._shared_id(space) else None
        if self.xyz is None:
            return None
        matrix = self.xyz @ self._matrix(space, self.scene_linear)
        return next((name for name, own in SHARED.items() if np.abs(to_xyz(own) - matrix).max() < SAME), None)

    def convert(self, rgb: np.ndarray, source: str, to: str) -> np.ndarray:
        """Convert (H, W, 3) float32 from one space to another; HDR survives; the same array if they are one.

        Raises:
            FrameError: the config has no way from one to the other.
        """
        return rgb if source == to else self._way(source, to).apply(rgb)

    def shown(self, source: str, to: str) -> Shown | None:
        """Return the way from one space to 8 bits of another, in one pass; None if there is none.

        Raises:
            FrameError: the config has no way from one to the other.
        """
        return AS_IT_IS if source == to else self._way(source, to).shown

    def _way(self, source: str, to: str) -> Transform:
        if (source, to) not in self._transforms:
            with one_line(f"colour conversion {source} → {to}"):
                self._transforms[source, to] = Transform(self._config.getProcessor(source, to))
        return self._transforms[source, to]

    def _look_up(self, name: str) -> str | None:
        """Return the space of which the config itself says that a name, alias or role stands for it."""
        space = self._config.getColorSpace(os.fsencode(name)) if name else None
        return None if space is None else str(space.getName())

    def _identify(self, name: str) -> str | None:
        """Return the space that does what one of OCIO's own does; None if there is none, or it cannot be told."""
        with contextlib.suppress(ocio.Exception, ocio.ExceptionMissingFile):
            own = ocio.Config.CreateFromFile(CONFIG)
            return str(ocio.Config.IdentifyBuiltinColorSpace(self._config, own, name))
        return None

    def _shared_id(self, space: str) -> str | None:
        """Return the name that a space of OCIO's own configs has for other programs."""
        if named := self._spaces[space].getInteropID():
            return str(named)
        pairs = ((new, (new, old)) for new, old in OLD_NAMES.items())
        return next((new for new, names in pairs if any(self._look_up(name) == space for name in names)), None)

    def _is_linear(self, space: str) -> bool:
        with contextlib.suppress(ocio.Exception, ocio.ExceptionMissingFile):
            return any(self._config.isColorSpaceLinear(space, reference) for reference in _REFERENCES)
        return False

    def _search_linear(self, chromaticities: tuple[float, ...]) -> str | None:
        if self.xyz is None:
            return None
        wanted = to_xyz(chromaticities)
        # Only those whose name or role tells that they may be: asking each of the hundreds of a config takes long.
        roles = {self._look_up(role) for role in self._roles}
        named = [space for space in self.spaces if "lin" in space.lower() or space in _KNOWN or space in roles]
        named.sort(key=lambda space: np.abs(np.subtract(self.chromaticities(space) or [9] * 8, chromaticities)).max())
        for space in dict.fromkeys((self.scene_linear, *named)):
            if not self._is_linear(space):
                continue
            with contextlib.suppress(FrameError):
                if np.abs(self.xyz @ self._matrix(space, self.scene_linear) - wanted).max() < SAME:
                    return space
        return None

    def _matrix(self, source: str, to: str) -> np.ndarray:
        """What red, green and blue of one space are in another, as columns."""
        return self.convert(np.eye(3, dtype=np.float32)[None], source, to)[0].astype(np.float64).T

    def _srgb_like(self) -> list[str]:
        """Spaces that a role or their name makes likely to be sRGB, likeliest first."""
        named = [space for space in self.spaces if "srgb" in _letters(space)]
        # What is more than the name alone tells of another gamut, a camera or a tone map.
        named.sort(key=lambda space: len(_letters(space)))
        roles = [found for role in _SRGB_ROLES if (found := self._look_up(role))]
        return [space for space in dict.fromkeys((*named, *roles)) if not self._spaces[space].isData()]

    def _has_curve(self, space: str) -> bool:
        """Tell whether greys of a space have the light of sRGB's."""
        try:
            light = self.convert(_GREYS, space, self.scene_linear)
        except FrameError:
            return False
        return bool(np.abs(light - decode_srgb(_GREYS)).max() < _CURVE)

    def _is_srgb(self, space: str) -> bool:
        if not self._has_curve(space):
            return False
        if self.xyz is None:
            return True
        matrix = self.xyz @ self._matrix(space, self.scene_linear)
        return bool(np.abs(matrix - to_xyz(REC709)).max() < SAME)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what OpenColorIO thinks of a config out of the terminal."""
    level = ocio.GetLoggingLevel()
    ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)
    try:
        yield
    finally:
        ocio.SetLoggingLevel(level)
