"""The repair network: its inputs, and how its outputs become a repaired picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ofx_reenact.fdgan.dictionary import ABLATIONS, Dictionary
from ofx_reenact.fdgan.landmark_image import channels, landmark_image
from ofx_reenact.fdgan.network import FEATURES, REPAIR_OUTPUTS, ROWS, Extractor, Translator
from ofx_reenact.fdgan.window import finer_of

Draw = Callable[..., Tensor]

# Channels. Extractor: picture, landmark image. Translator: landmark image, warped picture, visibility, stretch, mouth.
EXTRACTOR_INPUTS = 3 + channels("parts")
TRANSLATOR_INPUTS = channels("parts") + 3 + 3
# Added to the raw mask, so that an untrained mask is about 0.05 where nothing is missing.
MASK_BIAS = -3.0
# The following are in pixels of the coarsest window; in a finer window they are multiplied by :func:`finer_of`.
# Largest residual flow.
FLOW = 4.0
# Where the warp carried no pixel, and this far around it, the mask is fixed to 1: a mask that could go to 0 there would
# learn to switch the repair off before the network has learned to repair.
FIXED_MASK_AROUND = 2
# Width of the landmark image's lines.
LINE = 1.5


@dataclass(frozen=True)
class Repaired:
    """A repaired window."""

    picture: Tensor  # (B, 3, h, w) in [-1, 1], the mask applied
    mask: Tensor  # (B, 1, h, w) in [0, 1]; 0 keeps the warp
    flow: Tensor  # (B, 2, h, w) pixels; the offset at which the warped picture is sampled


class RepairNetwork(nn.Module):
    """Extractor and translator on windows of a picture."""

    def __init__(self, extractor: Extractor | None = None, translator: Translator | None = None) -> None:
        super().__init__()
        self.extractor = extractor or Extractor(EXTRACTOR_INPUTS)
        self.translator = translator or Translator(TRANSLATOR_INPUTS, REPAIR_OUTPUTS)
        # Draws landmark images; trainings and painters replace it by a faster function.
        self.draw: Draw = landmark_image

    @classmethod
    def ablation(cls, name: str) -> RepairNetwork:
        """Build the network, or an ablation of it with the same inputs: ``fdgan-1``, ``adain`` or ``pix2pixhd``.

        ``pix2pixhd`` has no dictionary; it knows the target from the warped picture alone.
        """
        write, read = ABLATIONS[name]
        return cls(
            Extractor(EXTRACTOR_INPUTS, FEATURES, ROWS, write=write),
            Translator(TRANSLATOR_INPUTS, REPAIR_OUTPUTS, FEATURES, ROWS, read=read),
        )

    def write(self, pictures: Tensor, landmarks: Tensor) -> Dictionary:
        """Write dictionaries from R windows each: (B, R, 3, h, w) in [-1, 1], landmarks (B, R, 68, 2) in pixels."""
        return self.extractor(seen_by_extractor(pictures, landmarks, self.draw))

    def forward(self, warped: Tensor, maps: Tensor, landmarks: Tensor, dictionary: Dictionary) -> Repaired:
        """Repair windows.

        ``warped`` is (B, 3, h, w) in [-1, 1]; its maps (visibility, stretch, mouth) are (B, 3, h, w) in [0, 1]; the
        landmarks, of the face in motion, are (B, 68, 2) in window pixels.
        """
        raw = self.translator(seen_by_translator(warped, maps, landmarks, self.draw), dictionary)
        return repaired(raw, warped, maps)


def seen_by_extractor(pictures: Tensor, landmarks: Tensor, draw: Draw = landmark_image) -> Tensor:
    """Join pictures (B, R, 3, h, w) and their landmark images: (B, R, 12, h, w)."""
    height, width = pictures.shape[-2:]
    parts = draw(landmarks.flatten(0, 1), height, width, "parts", LINE * finer_of(height))
    return torch.cat([pictures, parts.unflatten(0, pictures.shape[:2]).to(pictures.dtype)], dim=2)


def seen_by_translator(warped: Tensor, maps: Tensor, landmarks: Tensor, draw: Draw = landmark_image) -> Tensor:
    """Join landmark image, warped picture and maps: (B, 15, h, w)."""
    height, width = warped.shape[-2:]
    parts = draw(landmarks, height, width, "parts", LINE * finer_of(height)).to(warped.dtype)
    return torch.cat([parts, warped, maps], dim=1)


def repaired(raw: Tensor, warped: Tensor, maps: Tensor) -> Repaired:
    """Turn the raw output (B, 6, h, w) of the translator into a repaired window."""
    raw = raw.float()
    flow = FLOW * finer_of(raw.shape[-2]) * torch.tanh(raw[:, 4:6])
    learned = torch.sigmoid(raw[:, 3:4] + MASK_BIAS)
    missing = fixed_mask(maps)
    mask = missing + (1 - missing) * learned
    base = displaced(warped, flow)
    return Repaired(base + mask * (torch.tanh(raw[:, :3]) - base), mask, flow)


def fixed_mask(maps: Tensor) -> Tensor:
    """Return the mask that is not learned, (B, 1, h, w): 1 where the warp carried no pixel, and around it."""
    around = FIXED_MASK_AROUND * finer_of(maps.shape[-2])
    return nn.functional.max_pool2d(1 - maps[:, :1], 2 * around + 1, stride=1, padding=around)


def displaced(picture: Tensor, flow: Tensor) -> Tensor:
    """Sample pictures (B, C, h, w) at each pixel plus its flow (B, 2, h, w) in pixels."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=picture.device, dtype=flow.dtype),
        torch.arange(width, device=picture.device, dtype=flow.dtype),
        indexing="ij",
    )
    at = torch.stack([(x + flow[:, 0] + 0.5) * 2 / width - 1, (y + flow[:, 1] + 0.5) * 2 / height - 1], -1)
    return nn.functional.grid_sample(picture, at, mode="bilinear", padding_mode="border", align_corners=False)
