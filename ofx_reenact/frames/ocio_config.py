"""One OCIO config: its scene-linear space, its sRGB space and its primaries.

Studios name spaces as they like, so each is searched for by role, then by name, then by what its conversion does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import PyOpenColorIO as ocio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour_interop import OLD_NAMES, SHARED, XYZ
from ofx_reenact.frames.display_table import ROUNDING_TABLE, DisplayTable
from ofx_reenact.frames.primaries import AP0, AP1, REC709, SAME, decode_srgb, to_xyz
from ofx_reenact.frames.transform import Transform, ocio_errors

# The full name, as "default" is another config in another version of the library.
CONFIG = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"

_LINEAR = "scene_linear"
# Roles that may be linear light if there is no scene_linear; each is tested.
_LINEAR_ROLES = ("rendering", "compositing_linear", "default", "reference", "aces_interchange")
# Names of the sRGB space of ordinary pictures: in ACES configs, and of the Color Interop Forum.
_SRGB = ("sRGB - Texture", "srgb_tx", "sRGB Encoded Rec.709 (sRGB)", "srgb_rec709_scene", "srgb_rec709_display")
_SRGB_ROLES = ("texture_paint", "matte_paint", "color_picking")
# Names of linear spaces and their primaries, best known first.
_KNOWN = {
    "aces_interchange": AP0, "ACES2065-1": AP0, "ACES - ACES2065-1": AP0, "lin_ap0": AP0, "ACEScg": AP1,
    "ACES - ACEScg": AP1, "lin_ap1": AP1, "Linear Rec.709 (sRGB)": REC709, "lin_rec709": REC709, "lin_srgb": REC709,
    "Utility - Linear - sRGB": REC709, "Utility - Linear - Rec.709": REC709, **SHARED,
}  # fmt: skip
_KNOWN_FOLDED = {name.lower(): chromaticities for name, chromaticities in _KNOWN.items()}
# A space has the sRGB curve if its light, for values from 0 to 1, differs from the curve's by less than this; some
# configs use a table.
_CURVE_TOLERANCE = 2e-3
_REFERENCES = (ocio.REFERENCE_SPACE_SCENE, ocio.REFERENCE_SPACE_DISPLAY)
# The file rule of OpenColorIO that searches for names of colour spaces in paths.
_PATH_SEARCH = "ColorSpaceNamePathSearch"
_GREYS = np.repeat(np.linspace(0, 1, 9, dtype=np.float32)[:, None], 3, axis=1)[None]


class Config:
    """An OCIO config by its name or path. Results of searches are cached.

    Raises:
        FrameError: the config cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        with _silence(), ocio_errors(f"OCIO config {name}"):
            # As bytes, since a path may not be UTF-8.
            self._config = ocio.Config.CreateFromFile(os.fsencode(name))
            names = self._config.getColorSpaceNames(ocio.SEARCH_REFERENCE_SPACE_ALL, ocio.COLORSPACE_ALL)
            self._spaces = {space: self._config.getColorSpace(space) for space in names}
            self._roles = set(self._config.getRoleNames())
        self.spaces = tuple(self._spaces)
        if all(space.isData() for space in self._spaces.values()):
            raise FrameError(f"OCIO config {name}: all its colour spaces are data; set OCIO to another, or unset it")
        self._of_primaries: dict[tuple[float, ...], str | None] = {}
        self._transforms: dict[tuple[str, str], Transform] = {}

    @property
    def is_ocios_own(self) -> bool:
        """Whether it is one of the configs that OCIO contains."""
        return self.name.startswith("ocio://")

    def find(self, name: str) -> str | None:
        """Return the space with this name, alias or role; None if the config has none.

        Names that many programs use, as ``ACEScg``, are also found by what a space's conversion does.
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
        """Return the space that a file's tag names, also by names that many programs share; None if there is none."""
        if (named := self.find(tag)) is not None:
            return named
        shared = (name for name, space in self._spaces.items() if space.getInteropID() == tag)
        return next(shared, None) or self._look_up(OLD_NAMES.get(tag, ""))

    @cached_property
    def scene_linear(self) -> str:
        """The scene-linear space to work in.

        Raises:
            FrameError: no space of the config is linear.
        """
        if (named := self.find(_LINEAR)) is not None:
            return named
        roles = [found for role in _LINEAR_ROLES if role in self._roles and (found := self._look_up(role))]
        by_name = sorted(self.spaces, key=lambda space: "lin" not in space.lower() and space not in _KNOWN)
        if (found := next(filter(self._is_linear, (*roles, *by_name)), None)) is not None:
            return found
        raise FrameError(
            f"OCIO config {self.name}: it has no role scene_linear, and none of its spaces is linear; set OCIO to "
            "another, or unset it"
        )

    @cached_property
    def srgb(self) -> str | None:
        """The sRGB space of ordinary pictures; None if no space with a likely name converts as sRGB does."""
        named = [found for name in _SRGB if (found := self._look_up(name))]
        if named and self.is_ocios_own:
            # The names in OCIO's own configs are reliable; testing them would take a third of a second at each start.
            return named[0]
        if identified := self._identify("srgb_tx"):
            named.append(identified)
        return next((space for space in dict.fromkeys((*named, *self._srgb_like())) if self._is_srgb(space)), None)

    @cached_property
    def xyz(self) -> np.ndarray | None:
        """The matrix (3, 3) from scene-linear to XYZ relative to D65; None if the primaries cannot be found."""
        for name, chromaticities in _KNOWN.items():
            space = self._look_up(name)
            if space is not None and self._is_linear(space):
                return np.asarray(to_xyz(chromaticities) @ self._matrix(self.scene_linear, space))
        for space in self._srgb_like():
            if self._has_curve(space) and abs(np.linalg.det(light := self._matrix(space, self.scene_linear))) > 1e-6:
                return np.asarray(to_xyz(REC709) @ np.linalg.inv(light))
        return None

    def find_linear(self, chromaticities: tuple[float, ...]) -> str | None:
        """Return the linear space of these primaries; None if there is none, or the config's primaries are unknown."""
        if chromaticities not in self._of_primaries:
            self._of_primaries[chromaticities] = self._search_linear(chromaticities)
        return self._of_primaries[chromaticities]

    def rule_for(self, path: str) -> str | None:
        """Return the space that the config's file rules give for a file; None if only the default rule applies.

        The search for names of spaces in paths is not used: ``/show/raw/plate.exr`` is not data.
        """
        given = os.fsencode(path)
        # OCIO's own configs have a rule that takes every EXR for ACES2065-1, which few are.
        if self.is_ocios_own or self._config.filepathOnlyMatchesDefaultRule(given):
            return None
        ruled, rule = self._config.getColorSpaceFromFilepath(given)
        return None if self._config.getFileRules().getName(rule) == _PATH_SEARCH else self.find(ruled)

    def chromaticities(self, space: str) -> tuple[float, ...] | None:
        """Return the primaries and white (x, y) of a linear space; None if they are unknown or it is not linear."""
        if self.xyz is None or not self._is_linear(space):
            return None
        shared = self._shared_id(space) if self.is_ocios_own else self.shared_name(space)
        return XYZ if shared == "lin_ciexyzd65_scene" else SHARED.get(shared or "")

    def shared_name(self, space: str) -> str | None:
        """Return a linear space's name for other programs: the Forum's, or in OCIO's own configs its own; else None."""
        if self.is_ocios_own:
            return space if self._shared_id(space) else None
        if self.xyz is None:
            return None
        matrix = self.xyz @ self._matrix(space, self.scene_linear)
        return next((name for name, own in SHARED.items() if np.abs(to_xyz(own) - matrix).max() < SAME), None)

    def convert(self, rgb: np.ndarray, source: str, to: str) -> np.ndarray:
        """Convert (H, W, 3) float32 between spaces without clamping; equal spaces return the same array.

        Raises:
            FrameError: the config cannot convert between them.
        """
        return rgb if source == to else self._transform(source, to).apply(rgb)

    def display_table(self, source: str, to: str) -> DisplayTable | None:
        """Return the table that converts one space to 8 bits of another; None if the conversion cannot be a table.

        Raises:
            FrameError: the config cannot convert between them.
        """
        return ROUNDING_TABLE if source == to else self._transform(source, to).display_table

    def _transform(self, source: str, to: str) -> Transform:
        if (source, to) not in self._transforms:
            with ocio_errors(f"colour conversion {source} → {to}"):
                self._transforms[source, to] = Transform(self._config.getProcessor(source, to))
        return self._transforms[source, to]

    def _look_up(self, name: str) -> str | None:
        """Return the space that the config itself has under a name, alias or role; None if there is none."""
        space = self._config.getColorSpace(os.fsencode(name)) if name else None
        return None if space is None else str(space.getName())

    def _identify(self, name: str) -> str | None:
        """Return the space that equals a space of OCIO's own config; None if there is none or OCIO cannot tell."""
        with contextlib.suppress(ocio.Exception, ocio.ExceptionMissingFile):
            own = ocio.Config.CreateFromFile(CONFIG)
            return str(ocio.Config.IdentifyBuiltinColorSpace(self._config, own, name))
        return None

    def _shared_id(self, space: str) -> str | None:
        """Return the Color Interop Forum's name of a space in OCIO's own configs; None if there is none."""
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
        # Only spaces with a likely name or role are tested: testing the hundreds of a config takes long.
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
        """Return the matrix (3, 3) between two linear spaces; its columns are red, green and blue of the first."""
        return self.convert(np.eye(3, dtype=np.float32)[None], source, to)[0].astype(np.float64).T

    def _srgb_like(self) -> list[str]:
        """Return the spaces that are likely sRGB by role or name, most likely first."""
        named = [space for space in self.spaces if "srgb" in _letters(space)]
        # Longer names mention another gamut, a camera or a tone map.
        named.sort(key=lambda space: len(_letters(space)))
        roles = [found for role in _SRGB_ROLES if (found := self._look_up(role))]
        return [space for space in dict.fromkeys((*named, *roles)) if not self._spaces[space].isData()]

    def _has_curve(self, space: str) -> bool:
        """Tell whether a space has the sRGB curve on greys."""
        try:
            light = self.convert(_GREYS, space, self.scene_linear)
        except FrameError:
            return False
        return bool(np.abs(light - decode_srgb(_GREYS)).max() < _CURVE_TOLERANCE)

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
    """Keep OpenColorIO from logging to the terminal."""
    level = ocio.GetLoggingLevel()
    ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)
    try:
        yield
    finally:
        ocio.SetLoggingLevel(level)
