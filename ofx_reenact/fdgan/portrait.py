"""The printed FD-GAN: a whole portrait read out of the dictionary, and how it is pasted back (profile ``paper``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ofx_reenact.compose.repair import Display, paste
from ofx_reenact.fdgan.dictionary import ABLATIONS, Dictionary
from ofx_reenact.fdgan.landmark_image import landmark_image
from ofx_reenact.fdgan.network import Extractor, Shown, Translator, picture
from ofx_reenact.fdgan.window import Reference, Window
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.rigid import Similarity

# Side of the portrait in the paper.
SIZE = 256
# Side of the crop in heights of the face oval; the matte covers the oval this much enlarged, and fades over as much.
AROUND, COVERED, FADE = 1.8, 1.12, 0.12


class Portrait(nn.Module):
    """Extractor and translator as printed."""

    def __init__(self, extractor: Extractor | Shown | None = None, translator: Translator | None = None) -> None:
        super().__init__()
        self.extractor, self.translator = extractor or Extractor(), translator or Translator()
        # What draws landmark images; a training puts a faster one in its place.
        self.draw: Callable[..., Tensor] = landmark_image

    @classmethod
    def ablation(cls, name: str) -> Portrait:
        """Build the network, or an ablation of it: ``fdgan-1``, ``adain`` or ``pix2pixhd`` (paper Table 3).

        ``pix2pixhd`` has no dictionary: its translator sees the target's picture and landmark image beside the driving
        landmark image, so that it is one-shot at all.
        """
        write, read = ABLATIONS[name]
        if read == "none":
            return cls(Shown(), Translator(inputs=9, read=read))
        return cls(Extractor(write=write), Translator(read=read))

    def write(self, pictures: Tensor, landmarks: Tensor) -> Dictionary:
        """Write dictionaries: pictures (B, R, 3, s, s) in [-1, 1] of R references, landmarks (B, R, 68, 2) pixels."""
        drawn = self.draw(landmarks.flatten(0, 1), *pictures.shape[-2:]).unflatten(0, pictures.shape[:2])
        return self.extractor(torch.cat([pictures, drawn.to(pictures.dtype)], dim=2))

    def forward(self, landmarks: Tensor, dictionary: Dictionary, size: int) -> Tensor:
        """Read portraits (B, 3, size, size) in [-1, 1] whose landmarks are (B, 68, 2)."""
        drawn = self.draw(landmarks, size, size)
        if isinstance(self.extractor, Shown):
            # Its readers read nothing; what is kept of the target goes in beside the landmark image.
            (target,) = dictionary
            drawn, dictionary = torch.cat([drawn, target.to(drawn.dtype)], 1), dictionary * len(self.translator.reader)
        return picture(self.translator(drawn, dictionary))


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
