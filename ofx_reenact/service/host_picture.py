"""A host's picture: convert its values to the target's format for rendering, and the result back to the host's.

Alpha, colour space and resolution are the host's on one side and the target's on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, convert_associated
from ofx_reenact.frames.plate import count_nonfinite
from ofx_reenact.service.host_scales import HostFraming
from ofx_reenact.service.pixel_loops import find_changes, split_colour


@dataclass(frozen=True)
class HostPicture:
    """A host's picture, which takes the place of the target's own in one frame.

    Attributes:
        rgba: (H, W, 4) float32, finite; alpha is 1 everywhere if the host says that it is opaque.
        colour: (H, W, 3) float32, a copy of its colour.
        straight: whether its colour is not multiplied with its alpha.
        has_alpha: whether the frame is rendered with alpha: the target has it, or this picture's is not 1 everywhere;
            never if the host says that it is opaque.
        space: its colour space.
        own: a picture of the target at the proxy; the frame is rendered in its format and scene-linear space.
        config: the colour config.
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
        """Check a host's picture and prepare it.

        Args:
            rgba: its values, (H, W, 4) float32; this object owns the array and overwrites it.
            alpha: ``premultiplied``, ``straight`` or ``opaque``.
            space: its colour space.
            framing: where it is in the target.
            own: a picture of the target at the proxy.
            config: the colour config.
            frame: its number in the result, for messages.

        Raises:
            FrameError: a value is NaN or infinite.
        """
        if alpha == "opaque":
            rgba[..., 3] = 1
        colour, finite, opaque = split_colour(rgba)
        if not finite:
            nan, inf, first = count_nonfinite(replace(own.plate, rgb=colour, alpha=rgba[..., 3]))
            assert first is not None
            raise FrameError(
                f"frame {frame}: the clip's picture has {nan} NaN and {inf} infinite values, the first in channel "
                f"{first[2]} at ({first[0]}, {first[1]}), y down; replace them first: the warp would spread them"
            )
        has_alpha = alpha != "opaque" and own.plate.alpha is not None
        if not opaque and own.plate.alpha is None:
            # Outside the target's picture a host's alpha is 0; that does not count.
            has_alpha = not bool((framing.crop(rgba[..., 3]) == 1).all())
        return cls(rgba, colour, alpha == "straight" and has_alpha, has_alpha, space, own, config)

    def picture(self, framing: HostFraming, frame: int, beyond: Picture | None) -> Picture:
        """Return the picture to render the frame from: at the proxy, in the target's format and scene-linear space.

        Args:
            framing: where it is in the target.
            frame: its number in the result.
            beyond: the target's own picture of that frame, for what this one does not cover; None if it covers all.
        """
        if self._is_plain:
            # Copied, because the result is written into ``rgba`` while the picture may be kept for another request.
            given = self.rgba.copy() if self.has_alpha else self.colour
        else:
            alpha = self.rgba[..., 3] if self.has_alpha else None
            light = self._convert(self.colour, None if self.straight else alpha, self.space, self.own.space)
            if alpha is not None:
                given = np.dstack([light * alpha[..., None] if self.straight else light, alpha])
            else:
                given = light
        pixels = framing.to_plate(given, None if beyond is None else self._with_channels(beyond.pixels))
        plate = replace(self.own.plate, rgb=pixels[..., :3], alpha=pixels[..., 3] if self.has_alpha else None)
        return replace(self.own, plate=plate, frame=frame, pixels=pixels)

    def put_back(self, framing: HostFraming, picture: np.ndarray, made: np.ndarray) -> np.ndarray:
        """Return the host's values (H, W, 4) with the frame ``made`` (h, w, C) where it differs from ``picture``.

        Both are scene-linear and at the proxy. ``rgba`` is overwritten and returned; pixels that do not differ keep
        the host's own values, bit for bit.
        """
        if self._is_plain and framing.is_exact:
            framing.put_back(self.rgba, made, None)
            return self.rgba
        changed = find_changes(made, picture)
        if changed.any():
            lines = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
            # A resampled pixel also reads the neighbours of changed ones.
            reach = framing.reach
            box = tuple(slice(max(found[0] - reach, 0), found[-1] + reach + 1) for found in lines)
            result = np.zeros(made.shape, np.float32)
            result[box] = self._to_host_values(made[box])
            framing.put_back(self.rgba, result, changed)
        return self.rgba

    @property
    def _is_plain(self) -> bool:
        """Whether frames are rendered from its values without conversion of colour space or alpha."""
        return self.space == self.own.space and not self.straight

    def _to_host_values(self, made: np.ndarray) -> np.ndarray:
        """Convert scene-linear pixels (h, w, C) to the host's colour space and alpha: (h, w, C)."""
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
        """Add an alpha of 1 to pixels of the target (h, w, 3 or 4), or drop their alpha, to match this picture."""
        if (pixels.shape[-1] == 4) == self.has_alpha:
            return pixels
        return np.dstack([pixels, np.ones_like(pixels[..., 0])]) if self.has_alpha else pixels[..., :3]
