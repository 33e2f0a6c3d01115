"""The painter of profile ``portrait``: FD-GAN's portrait network draws the face, which is pasted over the view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import cv2
import numpy as np

from ofx_reenact.compose.repair import paste
from ofx_reenact.fdgan.inference import PreparedPortrait
from ofx_reenact.fdgan.portrait import SIZE, PortraitNetwork
from ofx_reenact.fdgan.window import Window
from ofx_reenact.shot.frame import Frame, Tables
from ofx_reenact.shot.motion import Pose
from ofx_reenact.shot.view import View
from ofx_reenact.stages import stage
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.surface import FACE_POINTS

# Side of the crop in heights of the face oval; enlargement of the oval in the matte; the matte's fade as a fraction of
# half the crop.
AROUND, COVERED, FADE = 1.8, 1.12, 0.12


@dataclass(frozen=True)
class PortraitPainter:
    """Draws whole faces.

    Attributes:
        network: FD-GAN's portrait network.
        size: side of the portraits, pixels.
        device: name of the device that the network runs on.
    """

    network: PortraitNetwork
    size: int = SIZE
    device: str = "cpu"
    carries: ClassVar[bool] = False

    def with_adapters(self, adapters: Mapping[str, np.ndarray]) -> PortraitPainter:
        """Return itself: trained identities change the repair network only."""
        return self

    def fit(self, scale: float) -> PortraitPainter:
        """Return itself: portraits have one size, whatever the face's scale."""
        return self

    def window(self, view: View) -> Window:
        """Return the square crop around a view's face, upright with the head and the same for every pose."""
        oval = view.head.apply(view.frontal[list(FACE_OVAL)])[:, :2]
        across = view.head.rotation[:2, 0] / max(float(np.linalg.norm(view.head.rotation[:2, 0])), 1e-6)
        height = float(
            (oval @ np.array([-across[1], across[0]])).max() - (oval @ np.array([-across[1], across[0]])).min()
        )
        return Window.around(oval.mean(0), across * AROUND * height / self.size, (self.size, self.size))

    @stage("extract")
    def write(self, views: Sequence[View]) -> Tables:
        """Write the dictionary of a person shown in one or more views: tables (n_i, C_i) float32, finest first."""
        windows = [self.window(view) for view in views]
        seen = [v.look(w) for w, v in zip(windows, views, strict=True)]
        points = [w.points(v.mesh[list(MESH68), :2]) for w, v in zip(windows, views, strict=True)]
        return self._prepared.write(np.stack(seen), np.stack(points))

    def paint(self, frame: Frame, view: View, pose: Pose, dictionary: Tables) -> Frame:
        """Draw a portrait and paste it over the frame, in place."""
        assert view.display is not None, "a shot with a painter has a display"
        window = self.window(view)
        # The gate is not applied: every pixel is drawn anew, so even the smallest motion counts.
        drawn, matte = self.draw(dictionary, window, view.mesh[:FACE_POINTS] + pose.moved)
        return replace(frame, portrait=paste(frame.colour, window, drawn, matte, view.display))

    def draw(self, dictionary: Tables, window: Window, mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the portrait (s, s, 3), display-encoded in [0, 1], of a mesh (468, 2 or more), and its matte (s, s)."""
        with stage("translate"):
            drawn = self._prepared.paint(window.points(mesh[list(MESH68), :2]), dictionary, self.size)
        oval = window.points(mesh[list(FACE_OVAL), :2])
        centre = oval.mean(0)
        covered = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(covered, [np.round((oval - centre) * COVERED + centre).astype(np.int32)], 255)
        fade = FADE * self.size / 2
        matte = cv2.GaussianBlur(covered.astype(np.float32) / 255, (0, 0), fade / 2)
        # The matte is 0 at the crop's edge, even if the oval reaches beyond it.
        edge = np.clip((np.minimum(np.arange(self.size), np.arange(self.size)[::-1]) / fade), 0, 1)
        return drawn, (matte * np.outer(edge, edge)).astype(np.float32)

    @cached_property
    def _prepared(self) -> PreparedPortrait:
        return PreparedPortrait(self.network, self.device)
