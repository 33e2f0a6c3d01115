"""One OCIO config: which of its spaces is linear light, which is sRGB, what its primaries are.

Studios name spaces as they like, so each is looked for by role, then by name, then by what converting does.
"""

from __future__ import annotations

import contextlib
from functools import cached_property

import numpy as np
import OpenImageIO as oiio

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.primaries import (
    ADOBE_RGB,
    AP0,
    AP1,
    P3_D65,
    REC709,
    REC2020,
    SAME,
    decode_srgb,
    to_xyz,
)

_LINEAR = "scene_linear"
# Roles that may stand for linear light where there is no scene_linear; each is asked whether it is.
_LINEAR_ROLES = ("rendering", "compositing_linear", "default", "reference", "aces_interchange")
# Names of ordinary display-encoded pictures: of the configs of ACES, and OpenImageIO's own.
_SRGB = ("sRGB - Texture", "srgb_tx", "sRGB Encoded Rec.709 (sRGB)", "srgb_rec709_scene", "srgb_rec709_display")
_SRGB_ROLES = ("texture_paint", "matte_paint", "color_picking")
# Names of linear spaces that many programs share, and their primaries.
SHARED = {
    "lin_rec709_scene": REC709, "lin_ap1_scene": AP1, "lin_ap0_scene": AP0, "lin_p3d65_scene": P3_D65,
    "lin_rec2020_scene": REC2020, "lin_adobergb_scene": ADOBE_RGB,
}  # fmt: skip
# Other names of such spaces, best known first.
_KNOWN = {
    "aces_interchange": AP0, "ACES2065-1": AP0, "ACES - ACES2065-1": AP0, "lin_ap0": AP0, "ACEScg": AP1,
    "ACES - ACEScg": AP1, "lin_ap1": AP1, "Linear Rec.709 (sRGB)": REC709, "lin_rec709": REC709, "lin_srgb": REC709,
    "Utility - Linear - sRGB": REC709, "Utility - Linear - Rec.709": REC709, **SHARED,
}  # fmt: skip
# How far from the sRGB curve, of light from 0 to 1, a space that tabulates it may be.
_CURVE = 2e-3
_GREYS = np.repeat(np.linspace(0, 1, 9, dtype=np.float32)[:, None], 3, axis=1)[None]


class Config:
    """A config by its name; what it answers is found once.

    Raises:
        FrameError: it cannot be read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._config = oiio.ColorConfig(name)
        if error := self._config.geterror():
            raise FrameError(f"OCIO config {name}: {' '.join(error.split())}")
        if self._config.configname() == "built-in":
            # OpenImageIO goes on with spaces of its own, which it then cannot convert.
            raise FrameError(f"OCIO config {name}: has colour spaces of data alone; set OCIO to another, or unset it")
        self.spaces = tuple(self._config.getColorSpaceNames())
        self._roles = set(self._config.getRoles())
        self._of_primaries: dict[tuple[float, ...], str | None] = {}

    @property
    def is_ocios_own(self) -> bool:
        """Whether it is one of the configs that OCIO brings with it."""
        return self.name.startswith("ocio://")

    def find(self, name: str) -> str | None:
        """Return the space that a name, alias or role stands for; None if the config does not know it.

        A name that many programs share is also found by its primaries.
        """
        found = self._config.resolve(name)
        if found in self.spaces and (name not in _KNOWN or self._bears(found, name)):
            return str(found)
        return self.find_linear(_KNOWN[name]) if name in _KNOWN else None

    def find_tag(self, tag: str) -> str | None:
        """Return the space that a file's tag stands for, which may be a name that many programs share."""
        name_shared = getattr(self._config, "get_color_interop_id", None)
        named = self.find(tag)
        if named is not None or name_shared is None:
            return named
        return next((space for space in self.spaces if name_shared(space) == tag), None)

    @cached_property
    def scene_linear(self) -> str:
        """The space of linear light to work in.

        Raises:
            FrameError: no space of the config is linear.
        """
        if (named := self.find(_LINEAR)) is not None:
            return named
        roles = [found for role in _LINEAR_ROLES if role in self._roles and (found := self.find(role))]
        by_name = sorted(self.spaces, key=lambda space: "lin" not in space.lower() and space not in _KNOWN)
        asked = [*roles, *by_name]
        light = [space for space in asked if not self._config.isData(space)]
        for space in (*light, *asked):
            if self._config.isColorSpaceLinear(space):
                return space
        raise FrameError(f"OCIO config {self.name} has no role scene_linear, and none of its spaces is linear")

    @cached_property
    def srgb(self) -> str | None:
        """The space of ordinary display-encoded pictures; None if none that may be it converts as sRGB does."""
        named = [found for name in _SRGB if (found := self.find(name))]
        if named and self.is_ocios_own:
            # OCIO's own configs keep what their names say; asking them would take each start a third of a second.
            return named[0]
        return next((space for space in dict.fromkeys((*named, *self._srgb_like())) if self._is_srgb(space)), None)

    @cached_property
    def xyz(self) -> np.ndarray | None:
        """The matrix (3, 3) from linear light to XYZ under D65; None if nothing tells the primaries."""
        for name, chromaticities in _KNOWN.items():
            space = self._config.resolve(name)
            if space in self.spaces and self._bears(space, name) and self._config.isColorSpaceLinear(space):
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
        if self._config.filepathOnlyMatchesDefaultRule(path):
            return None
        ruled = self._config.getColorSpaceFromFilepath(path)
        if self._searches_paths and ruled == self._config.parseColorSpaceFromString(path):
            return None
        return self.find(ruled)

    @cached_property
    def _searches_paths(self) -> bool:
        """Whether the rules look for names of spaces in paths."""
        return not self._config.filepathOnlyMatchesDefaultRule(f"/-/{self.spaces[0]}/-.-")

    def chromaticities(self, space: str) -> tuple[float, ...] | None:
        """Return red, green, blue and white (x, y) of a space; None if unknown, as always before OpenImageIO 3.1."""
        ask = getattr(self._config, "get_chromaticities", None)
        known = ask(space) if ask and self.xyz is not None else None
        return tuple(float(v) for v in known) if known and len(known) == 8 else None

    def shared_name(self, space: str) -> str | None:
        """Return the name by which programs with other configs know a linear space; None if there is none.

        OpenImageIO guesses one from any name, which need not be right of a studio's.
        """
        if self.is_ocios_own:
            ask = getattr(self._config, "get_color_interop_id", None)
            return space if ask is None or ask(space) else None
        if self.xyz is None:
            return None
        matrix = self.xyz @ self._matrix(space, self.scene_linear)
        return next((name for name, own in SHARED.items() if np.abs(to_xyz(own) - matrix).max() < SAME), None)

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

    def _search_linear(self, chromaticities: tuple[float, ...]) -> str | None:
        if self.xyz is None:
            return None
        wanted = to_xyz(chromaticities)
        # Only those whose name or role tells that they may be: asking each of the hundreds of a config takes long.
        roles = {self._config.resolve(role) for role in self._roles}
        named = [space for space in self.spaces if "lin" in space.lower() or space in _KNOWN or space in roles]
        named.sort(key=lambda space: np.abs(np.subtract(self.chromaticities(space) or [9] * 8, chromaticities)).max())
        for space in dict.fromkeys((self.scene_linear, *named)):
            if self._config.isData(space) or not self._config.isColorSpaceLinear(space):
                continue
            with contextlib.suppress(FrameError):
                if np.abs(self.xyz @ self._matrix(space, self.scene_linear) - wanted).max() < SAME:
                    return space
        return None

    def _bears(self, space: str, name: str) -> bool:
        """Tell whether a space has a name in the config itself: OpenImageIO also guesses what names stand for."""
        return name == space or name in self._config.getAliases(space) or name in self._roles

    def _matrix(self, source: str, to: str) -> np.ndarray:
        """What red, green and blue of one space are in another, as columns."""
        return self.convert(np.eye(3, dtype=np.float32)[None], source, to)[0].astype(np.float64).T

    def _srgb_like(self) -> list[str]:
        """Spaces that a role or their name makes likely to be sRGB, likeliest first."""
        named = [space for space in self.spaces if "srgb" in _letters(space)]
        # What is more than the name alone tells of another gamut, a camera or a tone map.
        named.sort(key=lambda space: len(_letters(space)))
        roles = [found for role in _SRGB_ROLES if role in self._roles and (found := self.find(role))]
        return [space for space in dict.fromkeys((*named, *roles)) if not self._config.isData(space)]

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
