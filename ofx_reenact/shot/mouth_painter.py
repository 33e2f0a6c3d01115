"""The painter of profile ``warp``: FD-GAN's repair network paints the inside of the mouth where no picture shows it.

It sees one frame through one window and no other frames, so a frame rendered alone equals the same frame of a range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np

from ofx_reenact.compose.carry import Carried
from ofx_reenact.compose.repair import apply_paint
from ofx_reenact.errors import SettingsError
from ofx_reenact.fdgan.window import Window, finer_for
from ofx_reenact.ramps import smooth_step
from ofx_reenact.shot.frame import Frame, Tables
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import MESH68

if TYPE_CHECKING:
    from ofx_reenact.fdgan.inference import PreparedRepair
    from ofx_reenact.fdgan.repair import RepairNetwork

# The skin's change has full weight if at least this fraction of some pixel is missing. With less missing, the weight
# falls in proportion, so that the change does not appear suddenly between two frames.
FULL_CHANGE_FROM = 0.5
# The lengths below are in pixels of the coarsest window; they grow with the factor of a finer one.
# Lips end sharply in the plate and softly in the window, so the change on each side is extended over the edge by this.
EXTENSION = 1.5
# How far around the opening skin may change, and the width of the fade at the window's edge.
LIP_REACH, MARGIN = 5, 12


@dataclass(frozen=True)
class Paint:
    """The change that FD-GAN makes in one frame: differences of display-encoded values, in the window's pixels.

    Attributes:
        window: the window's place in the picture.
        inside: (h, w, 3) change inside the mouth's opening.
        outside: (h, w, 3) change of the skin around it.
        shown: (rows, columns, 3) the frame before the change, as in :class:`RepairInput`.
    """

    window: Window
    inside: np.ndarray
    outside: np.ndarray
    shown: np.ndarray


@dataclass(frozen=True)
class RepairInput:
    """The input of FD-GAN's repair network for one frame, in the window's pixels.

    Attributes:
        window: the window's place in the picture.
        picture: (h, w, 3) the warped frame, display-encoded.
        maps: (h, w, 3) visibility, stretch and mouth, in [0, 1]; see :func:`window_maps`.
        landmarks: (68, 2) of the warped face, window pixels.
        missing: largest fraction of any pixel that was not carried, 0 to 1; 0 leaves nothing to paint.
        shown: (rows, columns, 3) the warped frame, display-encoded, in the frame's own pixels, cut to the window's box.
    """

    window: Window
    picture: np.ndarray
    maps: np.ndarray
    landmarks: np.ndarray
    missing: float
    shown: np.ndarray


@dataclass(frozen=True)
class MouthPainter:
    """Paints the inside of mouths, which a warp cannot show.

    Attributes:
        network: FD-GAN's repair network.
        device: name of the device that it runs on.
        finest: factor of the finest window that the network was trained for (1 is 128 × 96 pixels, 2 is 256 × 192).
        finer: factor of the window to use; 0 chooses it by each view's scale.
    """

    network: RepairNetwork
    device: str = "cpu"
    finest: int = 1
    finer: int = 0
    carries: ClassVar[bool] = True

    def with_adapters(self, adapters: Mapping[str, np.ndarray]) -> MouthPainter:
        """Return a painter with the adapters of a trained identity in its translator; itself if there are none."""
        if not adapters:
            return self
        import torch

        from ofx_reenact.fdgan.adapters import merge_adapters
        from ofx_reenact.fdgan.repair import RepairNetwork

        changes = {name: torch.from_numpy(np.asarray(a, np.float32)).to(self.device) for name, a in adapters.items()}
        translator = merge_adapters(self.network.translator, changes)
        return replace(self, network=RepairNetwork(self.network.extractor, translator))

    def fit(self, scale: float) -> MouthPainter:
        """Return a painter with the window for a shot whose median scale is ``scale`` pixels per canonical unit."""
        return replace(self, finer=finer_for(scale, self.finest))

    @stage("extract")
    def write(self, views: Sequence[View]) -> Tables:
        """Write the dictionary of a person shown in one or more views: tables (n_i, C_i) float32, finest first."""
        finer = finer_for(float(np.median([view.head.scale for view in views])), self.finest)
        windows = [Window.of_mouth(view.frontal, view.head, finer) for view in views]
        pictures = np.stack([v.look(w) for w, v in zip(windows, views, strict=True)])
        landmarks = np.stack([w.points(v.mesh[list(MESH68), :2]) for w, v in zip(windows, views, strict=True)])
        return self._prepared.write(pictures, landmarks)

    def paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Frame:
        """Paint the mouth into the frame, in place, with the view's grain."""
        paint = self.compute_paint(frame, view, pose, dictionary)
        if paint is not None and frame.carried is not None and view.display is not None:
            apply_paint(
                frame.colour, paint.window, paint.inside, paint.outside, paint.shown, frame.carried, view.display,
                view.grain, view.seed,
            )  # fmt: skip
        return frame

    def compute_paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Paint | None:
        """Compute what to change in a warped frame; None if every pixel was carried and nothing is missing."""
        finer = self.finer or finer_for(view.head.scale, self.finest)
        window = Window.of_mouth(view.frontal, pose.head, finer)
        if _most_missing(frame.carried, window.box(view.size)) <= 0:
            return None
        with stage("translate"):
            seen = compute_repair_input(window, frame, view, pose)
            painted = self._prepared.paint(seen.picture, seen.maps, seen.landmarks, dictionary)
        change = (np.clip(painted, 0, 1) - seen.picture) * _edge_fade(window.size, MARGIN * finer)[..., None]
        mouth = seen.maps[..., 2:3]
        skin_weight = np.float32(min(seen.missing / FULL_CHANGE_FROM, 1.0))
        skin_weights = skin_weight * _lip_mask(mouth[..., 0], LIP_REACH * finer)
        extension = EXTENSION * finer
        skin = _extend_change(change, (1 - mouth) ** 2, extension) * skin_weights[..., None]
        return Paint(window, _extend_change(change, mouth**2, extension), skin, seen.shown)

    @cached_property
    def _prepared(self) -> PreparedRepair:
        from ofx_reenact.fdgan.inference import PreparedRepair

        return PreparedRepair(self.network, self.device)


def compute_repair_input(window: Window, frame: Frame, view: View, pose: Pose) -> RepairInput:
    """Compute the repair network's input for one frame.

    Args:
        window: the window to look through.
        frame: the warped frame, before it is painted.
        view: the view that was warped.
        pose: the pose of its face in the frame.

    Raises:
        SettingsError: the view has no display encoding.
    """
    if view.display is None:
        raise SettingsError("FD-GAN sees display-encoded pictures: the frame's view needs a display encoding")
    box = window.box(view.size) or (slice(0, 1), slice(0, 1))
    shown = view.display.encode(frame.colour[(*box, slice(3))])
    maps = window_maps(frame.carried, window, (view.size[1], view.size[0]))
    landmarks, missing = window.points(pose.mesh(view)[list(MESH68), :2]), _most_missing(frame.carried, box)
    return RepairInput(window, window.within(box).look(shown), maps, landmarks, missing, shown)


def window_maps(carried: Carried | None, window: Window, size: tuple[int, int]) -> np.ndarray:
    """Return visibility, stretch and mouth, (h, w, 3) in [0, 1]: the repair network's input beside the colours.

    Visibility is 1 where pixels were carried. Stretch is 0.5 where nothing is stretched, 0 and 1 at factors of ¼ and 4.
    Mouth is the coverage of the mouth's opening.

    Args:
        carried: the result of the warp; None if nothing moves.
        window: the window to look through.
        size: the picture's height and width.
    """
    box = window.box((size[1], size[0]))
    if box is None or carried is None:
        return np.broadcast_to(np.array([1, 0.5, 0], np.float32), (window.size[1], window.size[0], 3)).copy()
    stretch = 0.5 + np.log2(np.clip(carried.stretch(box), 0.25, 4)) / 4
    return window.within(box).look(np.dstack([1 - carried.invented(box), stretch, carried.opening(box)]))


def _most_missing(carried: Carried | None, box: tuple[slice, slice] | None) -> float:
    """Return the largest fraction of any pixel in a box that was not carried, 0 to 1."""
    return 0.0 if carried is None or box is None else float(carried.invented(box).max(initial=0.0))


def _extend_change(change: np.ndarray, mask: np.ndarray, by: float) -> np.ndarray:
    """Keep a change (h, w, 3) inside a mask (h, w, 1) in [0, 1], and extend it outside by about ``by`` pixels."""
    weight = mask + 1e-4
    weighed = cv2.GaussianBlur(change * weight, (0, 0), by)
    beyond = weighed / cv2.GaussianBlur(weight, (0, 0), by)[..., None]
    return mask * change + (1 - mask) * beyond


def _lip_mask(mouth: np.ndarray, around: int) -> np.ndarray:
    """Return the mask (h, w) of lips around an opening (h, w). Further out, the plate is sharper than any window."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * around + 1, 2 * around + 1))
    return cv2.GaussianBlur(cv2.dilate(mouth, kernel), (0, 0), around / 2)


def _edge_fade(size: tuple[int, int], margin: int) -> np.ndarray:
    """Return a mask (h, w) that is 1 inside a window of ``size`` (width, height) and falls to 0 at its edge."""
    down, across = (
        smooth_step((np.minimum(np.arange(n), np.arange(n)[::-1]) + 0.5) / margin) for n in (size[1], size[0])
    )
    return np.outer(down, across).astype(np.float32)
