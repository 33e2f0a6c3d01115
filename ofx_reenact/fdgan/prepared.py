"""FD-GAN's networks prepared for inference: what painters run.

They are the same networks with the same weights. On a CPU the landmark image is drawn by compiled loops, pictures are
laid out as convolutions are fastest, and the repair network's outputs become a picture in one pass. Training and export
keep the networks as they are.
"""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.compiled import compiled
from ofx_reenact.fdgan.dictionary import Dictionary
from ofx_reenact.fdgan.lines import quick_landmark_image
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import FLOW, GIVEN, MASK_BIAS, RepairNetwork, seen_by_translator
from ofx_reenact.fdgan.window import finer_of

_Network = TypeVar("_Network", RepairNetwork, PortraitNetwork)


class _Prepared(Generic[_Network]):
    """What both networks need: arrays become tensors on their device, and dictionaries are written."""

    def __init__(self, network: _Network, device: str) -> None:
        self.device, self.compiled = device, device == "cpu"
        self.network: _Network = network
        if self.compiled:
            # The weights are shared.
            self.network = copy.copy(network)
            self.network.draw = quick_landmark_image

    def tensor(self, array: np.ndarray) -> Tensor:
        """Bring an array of any shape to the device, in float32."""
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def pictures(self, array: np.ndarray) -> Tensor:
        """Bring pictures (..., h, w, C) to the device as (..., C, h, w), without moving channels in memory."""
        return self.tensor(array).movedim(-1, -3)

    def dictionary(self, values: tuple[np.ndarray, ...]) -> Dictionary:
        """Bring a person's dictionary, (n_i, C_i) of each level, to the device."""
        return tuple(self.tensor(rows)[None] for rows in values)

    @torch.inference_mode()
    def write(self, pictures: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, ...]:
        """Write a dictionary of pictures (R, h, w, 3) in [0, 1] with landmarks (R, 68, 2): (n_i, C_i), finest first."""
        dictionary = self.network.write(self.pictures(pictures * 2 - 1)[None], self.tensor(landmarks)[None])
        return tuple(values[0].float().cpu().numpy() for values in dictionary)


class PreparedDense(_Prepared[RepairNetwork]):
    """The repair network of one device, ready to write dictionaries and to paint windows one at a time."""

    @torch.inference_mode()
    def paint(
        self, picture: np.ndarray, maps: np.ndarray, landmarks: np.ndarray, dictionary: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        """Repair a window; see :meth:`ofx_reenact.fdgan.repair.RepairNetwork.forward`.

        Args:
            picture: (h, w, 3) what the warp made, in [0, 1].
            maps: (h, w, 3) visibility, stretch, mouth; in [0, 1].
            landmarks: (68, 2) of the face in motion, window pixels.
            dictionary: of the person.

        Returns:
            (h, w, 3) float32 in [0, 1].
        """
        warped, seen = self.pictures(picture[None] * 2 - 1), self.pictures(maps[None])
        points, values = self.tensor(landmarks)[None], self.dictionary(dictionary)
        if not self.compiled:
            made = self.network(warped, seen, points, values).picture[0]
            return made.cpu().numpy().transpose(1, 2, 0) / 2 + 0.5
        raw = self.network.translator(seen_by_translator(warped, seen, points, self.network.draw), values)
        raw = raw[0].permute(1, 2, 0).contiguous()
        # A sigmoid is half a tanh: one pass over all that the network says.
        raw[..., 3].add_(MASK_BIAS).mul_(0.5)
        made = np.empty_like(picture, np.float32)
        reach = np.float32(FLOW * finer_of(len(picture)))
        _mix(raw.tanh_().numpy(), warped[0].permute(1, 2, 0).numpy(), _given(maps), reach, made)
        return made


class PreparedPortrait(_Prepared[PortraitNetwork]):
    """The portrait network of one device, ready to write dictionaries and to draw portraits one at a time."""

    @torch.inference_mode()
    def draw(self, landmarks: np.ndarray, dictionary: tuple[np.ndarray, ...], size: int) -> np.ndarray:
        """Draw a portrait (size, size, 3) in [0, 1] whose landmarks are (68, 2)."""
        drawn = self.network(self.tensor(landmarks)[None], self.dictionary(dictionary), size)
        return np.asarray(drawn[0].cpu().numpy().transpose(1, 2, 0) / 2 + 0.5)


def _given(maps: np.ndarray) -> np.ndarray:
    """Where the mask is given, (h, w); see :func:`ofx_reenact.fdgan.repair.given`."""
    side = 2 * GIVEN * finer_of(len(maps)) + 1
    return cv2.dilate(np.asarray(1 - maps[..., 0], np.float32), np.ones((side, side), np.uint8))


@compiled
def _mix(raw: np.ndarray, warped: np.ndarray, missing: np.ndarray, reach: np.float32, out: np.ndarray) -> None:
    """Give squashed outputs (h, w, 6) their meaning; see :func:`ofx_reenact.fdgan.repair.repaired`.

    Of the warped picture (h, w, 3) in [-1, 1], the mask that is given (h, w) and the farthest flow, pixels:
    ``out`` (h, w, 3) in [0, 1].
    """
    height, width = missing.shape
    half, one = np.float32(0.5), np.float32(1)
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for y in range(height):
        for x in range(width):
            from_x = min(max(np.float32(x) + reach * raw[y, x, 4], np.float32(0)), right)
            from_y = min(max(np.float32(y) + reach * raw[y, x, 5], np.float32(0)), bottom)
            # Beyond the border its own colour.
            x0, y0 = int(from_x), int(from_y)
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            across, down = from_x - np.float32(x0), from_y - np.float32(y0)
            learned = half + half * raw[y, x, 3]
            mask = missing[y, x] + (one - missing[y, x]) * learned
            for c in range(3):
                upper = warped[y0, x0, c] * (one - across) + warped[y0, x1, c] * across
                lower = warped[y1, x0, c] * (one - across) + warped[y1, x1, c] * across
                base = upper * (one - down) + lower * down
                out[y, x, c] = (base + mask * (raw[y, x, c] - base)) * half + half
