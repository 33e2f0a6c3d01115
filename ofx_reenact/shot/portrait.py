"""FD-GAN's whole portraits at work in a shot: drawn, and pasted back over the target (profile ``paper``)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.compose.repair import Display, paste
from ofx_reenact.fdgan.portrait import SIZE, Portrait
from ofx_reenact.fdgan.window import Reference, Window
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.rigid import Similarity

# Side of the crop in heights of the face oval; the matte covers the oval this much enlarged, and fades over as much.
AROUND, COVERED, FADE = 1.8, 1.12, 0.12


@dataclass(frozen=True)
class PortraitPainter:
    """Draws one target's portraits."""

    network: Portrait
    size: int = SIZE
    device: str = "cpu"

    def window(self, frontal: np.ndarray, head: Similarity) -> Window:
        """The crop around the target's face, the same for every frame."""
        oval = head.apply(frontal[list(FACE_OVAL)])[:, :2]
        across = head.rotation[:2, 0] / max(float(np.linalg.norm(head.rotation[:2, 0])), 1e-6)
        height = float(
            (oval @ np.array([-across[1], across[0]])).max() - (oval @ np.array([-across[1], across[0]])).min()
        )
        return Window.around(oval.mean(0), across * AROUND * height / self.size, (self.size, self.size))

    def write(self, references: list[Reference]) -> tuple[np.ndarray, ...]:
        """Write the dictionary of a target seen in one or several pictures: values (n_i, C_i), finest first."""
        windows = [self.window(reference.frontal, reference.head) for reference in references]
        seen = [w.look(r.picture).transpose(2, 0, 1) * 2 - 1 for w, r in zip(windows, references, strict=True)]
        points = [w.points(r.mesh[list(MESH68), :2]) for w, r in zip(windows, references, strict=True)]
        with torch.inference_mode():
            dictionary = self.network.write(self._tensor(np.stack(seen))[None], self._tensor(np.stack(points))[None])
        return tuple(values[0].float().cpu().numpy() for values in dictionary)

    def paint(
        self, dictionary: tuple[np.ndarray, ...], window: Window, mesh: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw a frame: portrait (s, s, 3) in [0, 1] and its matte (s, s), for a mesh in motion (468, 2 or more)."""
        with torch.inference_mode():
            tables = tuple(self._tensor(values[None]) for values in dictionary)
            landmarks = self._tensor(window.points(mesh[list(MESH68), :2])[None])
            drawn = self.network(landmarks, tables, self.size)
        oval = window.points(mesh[list(FACE_OVAL), :2])
        centre = oval.mean(0)
        covered = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(covered, [np.round((oval - centre) * COVERED + centre).astype(np.int32)], 255)
        fade = FADE * self.size / 2
        matte = cv2.GaussianBlur(covered.astype(np.float32) / 255, (0, 0), fade / 2)
        # Whatever the oval, nothing is pasted up to the crop's edge.
        edge = np.clip((np.minimum(np.arange(self.size), np.arange(self.size)[::-1]) / fade), 0, 1)
        return drawn[0].cpu().numpy().transpose(1, 2, 0) / 2 + 0.5, (matte * np.outer(edge, edge)).astype(np.float32)

    def cover(
        self,
        dictionary: tuple[np.ndarray, ...],
        display: Display,
        colour: np.ndarray,
        frontal: np.ndarray,
        head: Similarity,
        mesh: np.ndarray,
    ) -> np.ndarray:
        """Draw a frame and paste it over the target's picture, in place.

        Args:
            dictionary: of the target.
            display: how the network sees the plate.
            colour: (H, W, 3 or 4) the target's picture, scene-linear.
            frontal: the target's frontal mesh at rest (478, 3).
            head: pose of the head in the target, not in motion.
            mesh: the face in motion (468, 2 or more), pixels.

        Returns:
            The matte (H, W).
        """
        window = self.window(frontal, head)
        return paste(colour, window, *self.paint(dictionary, window, mesh), display)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)
