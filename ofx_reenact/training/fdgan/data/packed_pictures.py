"""Many small pictures in one ``.npz`` array: encoded, concatenated, and decoded when a batch needs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from torch import Tensor

from ofx_reenact.errors import ReenactError

QUALITY = 95


class Pictures:
    """N pictures of one size.

    They stay encoded in memory, so that a set of thousands needs little. A GPU would wait for the decoding, so
    :meth:`decode_onto` decodes them all onto it if they fit in half of its free memory.
    """

    def __init__(self, packed: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> None:
        """Take the pictures at ``rows`` (N,); picture k is encoded in ``packed[offsets[k] : offsets[k + 1]]``."""
        self._packed, self._offsets, self._rows = packed, offsets, rows
        self._held: Tensor | None = None

    def decode_onto(self, device: str) -> None:
        """Decode all of them onto a GPU if they fit; does nothing for a CPU."""
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
        """Return the pictures at rows (n,): (n, 3, h, w) uint8, on the GPU if they are there."""
        if self._held is not None:
            return self._held[torch.from_numpy(rows).to(self._held.device)]
        return torch.from_numpy(np.stack([self._decode(row) for row in rows.tolist()])).permute(0, 3, 1, 2)

    def _decode(self, row: int) -> np.ndarray:
        return unpack(self._packed, self._offsets, int(self._rows[row]))


def pack(picture: np.ndarray) -> np.ndarray:
    """Encode an RGB or grey uint8 picture as WebP bytes (n,)."""
    _, encoded = cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    return encoded.ravel()


def unpack(packed: np.ndarray, offsets: np.ndarray, row: int) -> np.ndarray:
    """Decode picture ``row`` of concatenated ones: (H, W, 3) uint8 RGB.

    Raises:
        ReenactError: the picture is damaged.
    """
    decoded = cv2.imdecode(packed[offsets[row] : offsets[row + 1]], cv2.IMREAD_COLOR)
    if decoded is None:
        raise ReenactError(f"picture {row} of the set is damaged; make the set again")
    return np.ascontiguousarray(decoded[..., ::-1])
