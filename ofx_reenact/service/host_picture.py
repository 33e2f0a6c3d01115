"""A host's picture: from its numbers to those that frames are made of, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, convert_associated
from ofx_reenact.frames.plate import count_nonfinite
from ofx_reenact.service.host_framing import HostFraming
from ofx_reenact.service.pixel_loops import find_changes, split_colour


@dataclass(frozen=True)
class HostPicture:
    """A host's picture, in place of a target's own.

    Attributes:
        rgba: (H, W, 4) float32, finite; alpha is 1 everywhere if there is none.
        colour: (H, W, 3) float32, its colour.
        straight: whether its colour is not multiplied with its alpha.
        has_alpha: whether frames are made with its alpha: if the target has one, or this one is not 1 all over it.
        space: its colour space.
        own: a picture of the target as it is rendered: this one has its format and its scene-linear space.
        config: of colour.
    """

    rgba: np.ndarray
    colour: np.ndarray
    straight: bool
    has_alpha: bool
    space: str
    own: Picture
    config: Colour

    @classmethod
    def of(
        cls, rgba: np.ndarray, alpha: str, space: str, framing: HostFraming, own: Picture, config: Colour, frame: int
    ) -> HostPicture:
        """Look at a host's picture (H, W, 4) float32, which belongs to it alone and is changed.

        Args:
            rgba: its numbers.
            alpha: ``premultiplied``, ``straight`` or ``opaque``.
            space: its colour space.
            framing: how it lies over the target.
            own: a picture of the target as it is rendered.
            config: of colour.
            frame: its number in the result, for messages.

        Raises:
            FrameError: it is not a number somewhere.
        """
        if alpha == "opaque":
            rgba[..., 3] = 1
        colour, finite, opaque = split_colour(rgba)
        if not finite:
            nan, inf, first = count_nonfinite(replace(own.plate, rgb=colour, alpha=rgba[..., 3]))
            assert first is not None
            raise FrameError(
                f"frame {frame}: the clip's picture has {nan} NaN and {inf} infinite values, the first in channel "
                f"{first[2]} at ({first[0]}, {first[1]}), y down; the warp would smear them, so clean it first"
            )
        has_alpha = alpha != "opaque" and own.plate.alpha is not None
        if not opaque and own.plate.alpha is None:
            # Beyond a picture's edges hosts have nothing, with alpha 0.
            has_alpha = not bool((framing.over(rgba[..., 3]) == 1).all())
        return cls(rgba, colour, alpha == "straight" and has_alpha, has_alpha, space, own, config)

    def picture(self, framing: HostFraming, frame: int, beyond: Picture | None) -> Picture:
        """Return it as frames are made of it; beyond its edges it is another one, which it may lack where it has all.

        Args:
            framing: how it lies over the target.
            frame: its number in the result.
            beyond: the target's own picture of that frame.
        """
        if self._is_plain:
            # Its own array becomes the result, while a picture may be kept for another frame.
            given = self.rgba.copy() if self.has_alpha else self.colour
        else:
            alpha = self.rgba[..., 3] if self.has_alpha else None
            light = self._convert(self.colour, None if self.straight else alpha, self.space, self.own.space)
            if alpha is not None:
                given = np.dstack([light * alpha[..., None] if self.straight else light, alpha])
            else:
                given = light
        pixels = framing.take(given, None if beyond is None else self._with_channels(beyond.pixels))
        plate = replace(self.own.plate, rgb=pixels[..., :3], alpha=pixels[..., 3] if self.has_alpha else None)
        return replace(self.own, plate=plate, frame=frame, pixels=pixels)

    def lay(self, framing: HostFraming, picture: np.ndarray, made: np.ndarray) -> np.ndarray:
        """Return its numbers (H, W, 4) with what was made (h, w, C) where that is not the picture (h, w, C).

        Both are in scene-linear light, as they are rendered. Its own array is changed.
        """
        if self._is_plain and framing.is_exact:
            framing.lay(self.rgba, made, None)
            return self.rgba
        changed = find_changes(made, picture)
        if changed.any():
            lines = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
            # Where pixels are resampled, those beside the changed ones are read with them.
            reach = framing.reach
            box = tuple(slice(max(found[0] - reach, 0), found[-1] + reach + 1) for found in lines)
            result = np.zeros(made.shape, np.float32)
            result[box] = self._as_given(made[box])
            framing.lay(self.rgba, result, changed)
        return self.rgba

    @property
    def _is_plain(self) -> bool:
        """Whether its numbers are those that frames are made of."""
        return self.space == self.own.space and not self.straight

    def _as_given(self, made: np.ndarray) -> np.ndarray:
        """Return pixels (h, w, C) in scene-linear light as the picture's own numbers are: (h, w, C)."""
        rgb, alpha = made[..., :3], made[..., 3] if self.has_alpha else None
        if self.straight:
            assert alpha is not None
            rgb = self._convert(rgb / np.where(alpha > 0, alpha, 1)[..., None], None, self.own.space, self.space)
        else:
            rgb = self._convert(rgb, alpha, self.own.space, self.space)
        return rgb if alpha is None else np.dstack([rgb, alpha])

    def _convert(self, rgb: np.ndarray, alpha: np.ndarray | None, source: str, to: str) -> np.ndarray:
        if source == to:
            return rgb
        return convert_associated(self.config, np.ascontiguousarray(rgb), alpha, source, to)

    def _with_channels(self, pixels: np.ndarray) -> np.ndarray:
        """Return a picture of the target (h, w, 3 or 4) with the channels that this one has."""
        if (pixels.shape[-1] == 4) == self.has_alpha:
            return pixels
        return np.dstack([pixels, np.ones_like(pixels[..., 0])]) if self.has_alpha else pixels[..., :3]
