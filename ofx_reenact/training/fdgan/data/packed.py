"""Files of many small pictures: packed one after the other in an ``.npz``, decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError

QUALITY = 95


class Pictures:
    """N packed pictures of one size.

    They stay packed, so that a set of thousands fits in little memory; a GPU, which would wait for their decoding,
    holds them decoded if they fit in half of what it has free.
    """

    def __init__(self, packed: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> None:
        """Take the pictures that lie at these rows of what is packed."""
        self._packed, self._offsets, self._rows = packed, offsets, rows
        self._held: Tensor | None = None

    def hold_on(self, device: str) -> None:
        """Decode all of them onto a GPU, if they fit; nothing for a CPU."""
        if torch.device(device).type == "cpu" or not len(self._rows):
            return
        first = self._decode(0)
        if first.nbytes * len(self._rows) > torch.cuda.mem_get_info(device)[0] / 2:
            return
        held = torch.empty((len(self._rows), *first.shape), dtype=torch.uint8, device=device)
        with ThreadPoolExecutor() as pool:
            for row, picture in enumerate(pool.map(self._decode, range(len(self._rows)))):
                held[row] = torch.from_numpy(picture)
        self._held = held.permute(0, 3, 1, 2)

    def take(self, rows: np.ndarray) -> Tensor:
        """Return pictures (n, 3, h, w) uint8, on the device that holds them."""
        if self._held is not None:
            return self._held[torch.from_numpy(rows).to(self._held.device)]
        return torch.from_numpy(np.stack([self._decode(row) for row in rows.tolist()])).permute(0, 3, 1, 2)

    def _decode(self, row: int) -> np.ndarray:
        return unpack(self._packed, self._offsets, int(self._rows[row]))


def check_packed(arrays: Mapping[str, np.ndarray], packed: str, offsets: str, count: int) -> None:
    """Check that ``count`` pictures, named so among a file's arrays, lie one after the other.

    Raises:
        ValueError: naming the array that does not say where they lie.
    """
    steps = arrays[offsets]
    if len(steps) != count + 1 or steps[0] != 0 or steps[-1] != len(arrays[packed]) or (np.diff(steps) <= 0).any():
        raise ValueError(f"array {offsets} does not say where {count} pictures lie in {packed}")


def pack(picture: np.ndarray) -> np.ndarray:
    """Encode an RGB or grey uint8 picture as WebP bytes (n,)."""
    _, encoded = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.ravel()


def unpack(packed: np.ndarray, offsets: np.ndarray, row: int) -> np.ndarray:
    """Decode one of the pictures packed one after the other, (H, W, 3) uint8 RGB.

    Raises:
        ReenactError: it is damaged.
    """
    decoded = cv2.imdecode(packed[offsets[row] : offsets[row + 1]], cv2.IMREAD_COLOR)
    if decoded is None:
        raise ReenactError(f"picture {row} of the set is damaged; make the set again")
    return np.ascontiguousarray(decoded[..., ::-1])


def offsets(packed: Sequence[Sized]) -> np.ndarray:
    """Where each part of what is laid one after the other begins, and the end: (n + 1,) int64."""
    return offsets_of(np.array([len(part) for part in packed], np.int64))


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """Where each part begins, and the end, (n + 1,) int64, of parts that are so long, (n,)."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
