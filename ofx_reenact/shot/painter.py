"""FD-GAN at work in a render: one target's dictionary, and for each frame what has to change in the warp's picture.

Everything is of one frame and one window: a frame painted alone is painted as in a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.repair import Display, set_in
from ofx_reenact.fdgan.window import Reference, Window
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.rigid import Similarity

if TYPE_CHECKING:
    from ofx_reenact.fdgan.dictionary import Dictionary
    from ofx_reenact.fdgan.repair import DenseFDGAN

# The learned part of the mask comes in as something goes missing, so that it does not pop up.
FROM_NOTHING = 0.5
# Lips end sharply in the plate, softly in the window: each side is continued over the edge by so many window pixels.
CONTINUED = 1.5
# How far around the opening skin may change, in window pixels.
LIPS = 5


@dataclass(frozen=True)
class Paint:
    """What FD-GAN changes in one frame, in window pixels, display-encoded.

    Attributes:
        window: where it lies in the picture.
        inside: (h, w, 3) change of what is seen in the mouth's opening.
        outside: (h, w, 3) change of the skin around it.
    """

    window: Window
    inside: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True)
class Seen:
    """What FD-GAN is shown of one frame, in window pixels.

    Attributes:
        window: where it lies in the picture.
        picture: (h, w, 3) what the warp made, display-encoded.
        maps: (h, w, 3) visibility, stretch, mouth; in [0, 1].
        landmarks: (68, 2) of the face in motion.
        missing: how much of the pixel that the target shows least of was not carried; 0 leaves nothing to paint.
    """

    window: Window
    picture: np.ndarray
    maps: np.ndarray
    landmarks: np.ndarray
    missing: float


@dataclass(frozen=True)
class Painter:
    """Paints what a warp cannot know, for one target."""

    network: DenseFDGAN
    device: str = "cpu"

    def taught(self, adapters: Mapping[str, np.ndarray]) -> Painter:
        """Return a painter that a custom identity's adapters are worked into; itself if there are none."""
        if not adapters:
            return self
        from ofx_reenact.fdgan.adapters import merged
        from ofx_reenact.fdgan.repair import DenseFDGAN

        translator = merged(self.network.translator, {name: self._tensor(a) for name, a in adapters.items()})
        return Painter(DenseFDGAN(self.network.extractor, translator), self.device)

    def write(self, references: list[Reference]) -> tuple[np.ndarray, ...]:
        """Write the dictionary of a target seen in one or several pictures: values (n_i, C_i), finest first."""
        import torch

        windows = [Window.of_mouth(reference.frontal, reference.head) for reference in references]
        pictures = np.stack([w.look(r.picture) for w, r in zip(windows, references, strict=True)]) * 2 - 1
        landmarks = np.stack([w.points(r.mesh[list(MESH68), :2]) for w, r in zip(windows, references, strict=True)])
        with torch.inference_mode():
            dictionary = self.network.write(
                self._tensor(pictures.transpose(0, 3, 1, 2))[None], self._tensor(landmarks)[None]
            )
        return tuple(values[0].float().cpu().numpy() for values in dictionary)

    def paint(
        self,
        dictionary: tuple[np.ndarray, ...],
        display: Display,
        colour: np.ndarray,
        carried: Carried,
        frontal: np.ndarray,
        head: Similarity,
        mesh: np.ndarray,
    ) -> Paint | None:
        """Paint one frame.

        Args:
            dictionary: of the target.
            display: how the network sees the plate.
            colour: (H, W, 3 or 4) the frame as the warp made it, scene-linear.
            carried: how it was made.
            frontal: the target's frontal mesh at rest (468 or more, 3).
            head: pose of the moved head.
            mesh: the face in motion (468, 2 or more), pixels.

        Returns:
            The changes, or None where every pixel was carried from the target and there is nothing to paint.
        """
        if missing_of(carried) <= 0:
            return None
        import torch

        window = Window.of_mouth(frontal, head)
        if window.box((colour.shape[1], colour.shape[0])) is None:
            return None
        seen = see(window, display, colour, carried, mesh)
        with torch.inference_mode():
            tables: Dictionary = tuple(self._tensor(values)[None] for values in dictionary)
            repaired = self.network(
                self._tensor(seen.picture.transpose(2, 0, 1) * 2 - 1)[None],
                self._tensor(seen.maps.transpose(2, 0, 1))[None],
                self._tensor(seen.landmarks)[None],
                tables,
            )
        painted = repaired.picture[0].cpu().numpy().transpose(1, 2, 0) / 2 + 0.5
        change = (np.clip(painted, 0, 1) - seen.picture) * _fade(window.size)[..., None]
        mouth = seen.maps[..., 2:3]
        gate = np.float32(min(seen.missing / FROM_NOTHING, 1.0))
        skin = _continued(change, (1 - mouth) ** 2) * (gate * _lips(mouth[..., 0]))[..., None]
        return Paint(window, _continued(change, mouth**2), skin)

    def repair(
        self,
        dictionary: tuple[np.ndarray, ...],
        display: Display,
        colour: np.ndarray,
        carried: Carried,
        frontal: np.ndarray,
        head: Similarity,
        mesh: np.ndarray,
        deviation: float,
    ) -> None:
        """Paint one frame (see :meth:`paint`) and set that in, in place, with grain of a deviation."""
        painted = self.paint(dictionary, display, colour, carried, frontal, head, mesh)
        if painted is not None:
            set_in(colour, painted.window, painted.inside, painted.outside, carried, display, deviation)

    def _tensor(self, array: np.ndarray):  # type: ignore[no-untyped-def]
        import torch

        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)


def see(window: Window, display: Display, colour: np.ndarray, carried: Carried | None, mesh: np.ndarray) -> Seen:
    """See one frame as FD-GAN does.

    Args:
        window: to look through.
        display: how the network sees the plate.
        colour: (H, W, 3 or 4) the frame as the warp made it, scene-linear.
        carried: how it was made; None where nothing moves.
        mesh: the face in motion (468, 2 or more), pixels.
    """
    size = (colour.shape[1], colour.shape[0])
    box = window.box(size) or (slice(0, 1), slice(0, 1))
    picture = window.within(box).look(display.encode(colour[(*box, slice(3))]))
    maps = window_maps(carried, window, (size[1], size[0]))
    return Seen(window, picture, maps, window.points(mesh[list(MESH68), :2]), missing_of(carried))


def window_maps(carried: Carried | None, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Visibility, stretch and mouth (h, w, 3) in [0, 1] through a window; what the dense translator sees beside colour.

    Args:
        carried: the target in motion; None where nothing moves.
        window: to look through.
        size: the picture's height and width.
    """
    box = window.box((size[1], size[0]))
    if box is None or carried is None:
        return np.broadcast_to(np.array([1, 0.5, 0], np.float32), (window.size[1], window.size[0], 3)).copy()
    stretch = 0.5 + np.log2(np.clip(carried.stretch(box), 0.25, 4)) / 4
    return window.within(box).look(np.dstack([1 - carried.invented(box), stretch, carried.opening(box)]))


def missing_of(carried: Carried | None) -> float:
    """How much of the pixel that the target shows least of was not carried, 0 to 1."""
    return float(carried.composed.invented.max(initial=0.0)) if carried is not None else 0.0


def _continued(change: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Continue a change (h, w, 3) from where ``share`` (h, w, 1) holds it a little beyond."""
    weight = share + 1e-4
    weighed = cv2.GaussianBlur(change * weight, (0, 0), CONTINUED)
    beyond = weighed / cv2.GaussianBlur(weight, (0, 0), CONTINUED)[..., None]
    return share * change + (1 - share) * beyond


def _lips(mouth: np.ndarray) -> np.ndarray:
    """Where skin may change, (h, w): the lips around an opening (h, w). Beyond, the plate is better than any window."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * LIPS + 1, 2 * LIPS + 1))
    return cv2.GaussianBlur(cv2.dilate(mouth, kernel), (0, 0), LIPS / 2)


def _fade(size: tuple[int, int], margin: int = 12) -> np.ndarray:
    """1 within the window, falling to 0 at its edge, (h, w)."""
    ramps = [np.clip((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / margin, 0, 1) for n in (size[1], size[0])]
    smooth = [r * r * (3 - 2 * r) for r in ramps]
    return np.outer(smooth[0], smooth[1]).astype(np.float32)
