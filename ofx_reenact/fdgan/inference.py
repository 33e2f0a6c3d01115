"""FD-GAN's networks prepared for inference; painters run these.

Networks and weights stay as they are. Pictures are laid out channels last, which convolutions are fastest with. On a
CPU compiled loops draw the landmark image, and one pass turns the repair network's outputs into a picture. Training and
export use the networks unchanged.
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
from ofx_reenact.fdgan.landmark_image_cpu import quick_landmark_image
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.repair import FIXED_MASK_AROUND, FLOW, MASK_BIAS, RepairNetwork, seen_by_translator
from ofx_reenact.fdgan.window import finer_of

_Network = TypeVar("_Network", RepairNetwork, PortraitNetwork)


class _Prepared(Generic[_Network]):
    """What both networks need: to move arrays to the device, and to write dictionaries."""

    def __init__(self, network: _Network, device: str) -> None:
        self.device, self.compiled = device, device == "cpu"
        self.network: _Network = network
        if self.compiled:
            # A shallow copy: the weights are shared.
            self.network = copy.copy(network)
            self.network.draw = quick_landmark_image

    def tensor(self, array: np.ndarray) -> Tensor:
        """Return an array as a float32 tensor on the device; on a CPU the two may share memory."""
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(self.device)

    def pictures(self, array: np.ndarray) -> Tensor:
        """Copy pictures (..., h, w, C) to the device as (..., C, h, w), channels last in memory."""
        return self.tensor(array).movedim(-1, -3)

    def dictionary(self, values: tuple[np.ndarray, ...]) -> Dictionary:
        """Copy a person's dictionary, (n_i, C_i) of each level, to the device."""
        return tuple(self.tensor(rows)[None] for rows in values)

    @torch.inference_mode()
    def write(self, pictures: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, ...]:
        """Write a dictionary, (n_i, C_i) finest first, from pictures (R, h, w, 3) in [0, 1], landmarks (R, 68, 2)."""
        dictionary = self.network.write(self.pictures(pictures * 2 - 1)[None], self.tensor(landmarks)[None])
        return tuple(values[0].float().cpu().numpy() for values in dictionary)


class PreparedRepair(_Prepared[RepairNetwork]):
    """The repair network on one device; writes dictionaries and repairs windows one at a time."""

    @torch.inference_mode()
    def paint(
        self, picture: np.ndarray, maps: np.ndarray, landmarks: np.ndarray, dictionary: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        """Repair a window; see :meth:`ofx_reenact.fdgan.repair.RepairNetwork.forward`.

        Args:
            picture: the warped window, (h, w, 3) in [0, 1].
            maps: visibility, stretch, mouth, (h, w, 3) in [0, 1].
            landmarks: of the face in motion, (68, 2) in window pixels.
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
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: so one tanh does for all outputs.
        raw[..., 3].add_(MASK_BIAS).mul_(0.5)
        made = np.empty_like(picture, np.float32)
        reach = np.float32(FLOW * finer_of(len(picture)))
        _mix(raw.tanh_().numpy(), warped[0].permute(1, 2, 0).numpy(), _fixed_mask(maps), reach, made)
        return made


class PreparedPortrait(_Prepared[PortraitNetwork]):
    """The portrait network on one device; writes dictionaries and draws portraits one at a time."""

    @torch.inference_mode()
    def paint(self, landmarks: np.ndarray, dictionary: tuple[np.ndarray, ...], size: int) -> np.ndarray:
        """Draw a portrait (size, size, 3) in [0, 1] with landmarks (68, 2) in pixels."""
        drawn = self.network(self.tensor(landmarks)[None], self.dictionary(dictionary), size)
        return np.asarray(drawn[0].cpu().numpy().transpose(1, 2, 0) / 2 + 0.5)


def _fixed_mask(maps: np.ndarray) -> np.ndarray:
    """Return the mask that is not learned, (h, w); see :func:`ofx_reenact.fdgan.repair.fixed_mask`."""
    side = 2 * FIXED_MASK_AROUND * finer_of(len(maps)) + 1
    return cv2.dilate(np.asarray(1 - maps[..., 0], np.float32), np.ones((side, side), np.uint8))


@compiled
def _mix(raw: np.ndarray, warped: np.ndarray, missing: np.ndarray, reach: np.float32, out: np.ndarray) -> None:
    """Turn outputs (h, w, 6) in [-1, 1] into a picture; see :func:`ofx_reenact.fdgan.repair.repaired`.

    The warped picture is (h, w, 3) in [-1, 1], ``missing`` (h, w) the fixed mask, ``reach`` the largest flow in pixels;
    the picture is written into ``out`` (h, w, 3) in [0, 1].
    """
    height, width = missing.shape
    half, one = np.float32(0.5), np.float32(1)
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    for y in range(height):
        for x in range(width):
            from_x = min(max(np.float32(x) + reach * raw[y, x, 4], np.float32(0)), right)
            from_y = min(max(np.float32(y) + reach * raw[y, x, 5], np.float32(0)), bottom)
            # At the border the next pixel is the pixel itself.
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
