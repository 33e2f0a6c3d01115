"""The mouth: FD-GAN paints what lies between lips where the view does not show it (profile ``warp``).

Everything is of one frame and one window: a frame painted alone is painted as in a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.repair import set_in
from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.window import Window, finer_for
from ofx_reenact.ramps import smooth_step
from ofx_reenact.shot.frame import Frame, Tables
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import MESH68

if TYPE_CHECKING:
    from ofx_reenact.fdgan.prepared import PreparedDense
    from ofx_reenact.fdgan.repair import RepairNetwork

# The learned part of the mask comes in as something goes missing, so that it does not pop up.
FROM_NOTHING = 0.5
# In pixels of the coarsest window; a finer one has as many times more. Lips end sharply in the plate, softly in the
# window: each side is continued over the edge by so much.
CONTINUED = 1.5
# How far around the opening skin may change, and how far from its edge the window fades.
LIPS, MARGIN = 5, 12


@dataclass(frozen=True)
class Paint:
    """What FD-GAN changes in one frame, in window pixels, display-encoded.

    Attributes:
        window: where it lies in the picture.
        inside: (h, w, 3) change of what is seen in the mouth's opening.
        outside: (h, w, 3) change of the skin around it.
        shown: as of :class:`Seen`.
    """

    window: Window
    inside: np.ndarray
    outside: np.ndarray
    shown: np.ndarray


@dataclass(frozen=True)
class Seen:
    """What FD-GAN is shown of one frame, in window pixels.

    Attributes:
        window: where it lies in the picture.
        picture: (h, w, 3) what the warp made, display-encoded.
        maps: (h, w, 3) visibility, stretch, mouth; in [0, 1].
        landmarks: (68, 2) of the face in motion.
        missing: how much of the pixel that the target shows least of was not carried; 0 leaves nothing to paint.
        shown: (rows, columns, 3) what the warp made in the window's box, display-encoded, in the frame's own pixels.
    """

    window: Window
    picture: np.ndarray
    maps: np.ndarray
    landmarks: np.ndarray
    missing: float
    shown: np.ndarray


@dataclass(frozen=True)
class MouthPainter:
    """Paints the inside of mouths that a warp cannot know.

    Attributes:
        network: paints.
        device: where.
        finest: of the windows that the network knows.
        finer: window to look through; 0 leaves the choice to each view.
    """

    network: RepairNetwork
    device: str = "cpu"
    finest: int = 1
    finer: int = 0
    carries: ClassVar[bool] = True

    def teach(self, adapters: Mapping[str, np.ndarray]) -> MouthPainter:
        """Return a painter that a custom identity's adapters are worked into; itself if there are none."""
        if not adapters:
            return self
        import torch

        from ofx_reenact.fdgan.adapters import merged
        from ofx_reenact.fdgan.repair import RepairNetwork

        changes = {name: torch.from_numpy(np.asarray(a, np.float32)).to(self.device) for name, a in adapters.items()}
        translator = merged(self.network.translator, changes)
        return replace(self, network=RepairNetwork(self.network.extractor, translator))

    def fit(self, scale: float) -> MouthPainter:
        """Return a painter for a shot whose face has so many pixels a canonical unit in the median."""
        return replace(self, finer=finer_for(scale, self.finest))

    @stage("extract")
    def write(self, views: Sequence[View]) -> Tables:
        """Write the dictionary of a person seen in one or several views: values (n_i, C_i), finest first."""
        finer = finer_for(float(np.median([view.head.scale for view in views])), self.finest)
        windows = [Window.of_mouth(view.frontal, view.head, finer) for view in views]
        pictures = np.stack([v.look(w) for w, v in zip(windows, views, strict=True)])
        landmarks = np.stack([w.points(v.mesh[list(MESH68), :2]) for w, v in zip(windows, views, strict=True)])
        return self._prepared.write(pictures, landmarks)

    def paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Frame:
        """Paint the mouth and set it into the frame, in place, with the view's grain."""
        paint = self.compute_paint(frame, view, pose, dictionary)
        if paint is not None and frame.carried is not None and view.display is not None:
            set_in(
                frame.colour, paint.window, paint.inside, paint.outside, paint.shown, frame.carried, view.display,
                view.grain, view.seed,
            )  # fmt: skip
        return frame

    def compute_paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Paint | None:
        """Compute what changes in a frame as the warp made it.

        Returns:
            The changes, or None where every pixel was carried from the view and there is nothing to paint.
        """
        finer = self.finer or finer_for(view.head.scale, self.finest)
        window = Window.of_mouth(view.frontal, pose.head, finer)
        if _missing(frame.carried, window.box(view.size)) <= 0:
            return None
        with stage("translate"):
            seen = see_mouth(window, frame, view, pose)
            painted = self._prepared.paint(seen.picture, seen.maps, seen.landmarks, dictionary)
        change = (np.clip(painted, 0, 1) - seen.picture) * _fade(window.size, MARGIN * finer)[..., None]
        mouth = seen.maps[..., 2:3]
        gate = np.float32(min(seen.missing / FROM_NOTHING, 1.0))
        beyond, lips = CONTINUED * finer, LIPS * finer
        skin = _continued(change, (1 - mouth) ** 2, beyond) * (gate * _lips(mouth[..., 0], lips))[..., None]
        return Paint(window, _continued(change, mouth**2, beyond), skin, seen.shown)

    @cached_property
    def _prepared(self) -> PreparedDense:
        from ofx_reenact.fdgan.prepared import PreparedDense

        return PreparedDense(self.network, self.device)


def see_mouth(window: Window, frame: Frame, view: View, pose: Pose) -> Seen:
    """See one frame as FD-GAN does, before it paints.

    Args:
        window: to look through.
        frame: as the warp made it.
        view: whose pixels were carried.
        pose: where to.

    Raises:
        SettingsError: the view has no display encoding.
    """
    if view.display is None:
        raise SettingsError("to see a frame as FD-GAN does, its view needs a display encoding")
    box = window.box(view.size) or (slice(0, 1), slice(0, 1))
    shown = view.display.encode(frame.colour[(*box, slice(3))])
    maps = window_maps(frame.carried, window, (view.size[1], view.size[0]))
    landmarks, missing = window.points(pose.mesh(view)[list(MESH68), :2]), _missing(frame.carried, box)
    return Seen(window, window.within(box).look(shown), maps, landmarks, missing, shown)


def window_maps(carried: Carried | None, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Return visibility, stretch and mouth (h, w, 3) in [0, 1], as the repair network sees them beside colour.

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


def _missing(carried: Carried | None, box: tuple[slice, slice] | None) -> float:
    """Return how much of the pixel of a box that the view shows least of was not carried, 0 to 1."""
    return 0.0 if carried is None or box is None else float(carried.invented(box).max(initial=0.0))


def _continued(change: np.ndarray, share: np.ndarray, by: float) -> np.ndarray:
    """Continue a change (h, w, 3) from where ``share`` (h, w, 1) holds it beyond, by about so many pixels."""
    weight = share + 1e-4
    weighed = cv2.GaussianBlur(change * weight, (0, 0), by)
    beyond = weighed / cv2.GaussianBlur(weight, (0, 0), by)[..., None]
    return share * change + (1 - share) * beyond


def _lips(mouth: np.ndarray, around: int) -> np.ndarray:
    """Where skin may change, (h, w): the lips around an opening (h, w). Beyond, the plate is better than any window."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * around + 1, 2 * around + 1))
    return cv2.GaussianBlur(cv2.dilate(mouth, kernel), (0, 0), around / 2)


def _fade(size: tuple[int, int], margin: int) -> np.ndarray:
    """1 within the window, falling to 0 at its edge, (h, w)."""
    down, across = (
        smooth_step((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / margin) for n in (size[1], size[0])
    )
    return np.outer(down, across).astype(np.float32)
