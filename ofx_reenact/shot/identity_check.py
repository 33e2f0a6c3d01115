"""Check every value of an identity file before it is used, so that a damaged or hand-made file is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ofx_reenact.errors import WeightsError
from ofx_reenact.fdgan.weights import PortraitWeights, RepairWeights
from ofx_reenact.files import parse_json
from ofx_reenact.ldnet.network import IDENTITY_CODE
from ofx_reenact.shot.frame import Tables

if TYPE_CHECKING:
    from torch import Tensor

_MESH_POINTS = 478
# Largest width or height of a picture that is accepted, pixels.
_LONGEST = 10**6
# How far from the picture's first pixel a point of the face may lie, in multiples of the picture's longer side.
_REACH = 100
# Largest magnitude accepted in codes, dictionaries and adapters; real values are far smaller.
_LARGEST = 1e6
_TABLE = re.compile(r"dictionary\.[0-9]|adapters\.(.+)\.[ab]")
# Names of the tensors of appearance pictures: this prefix, the picture's number, and ``.frames`` or ``.mesh``.
REFERENCES = "references."
_AGAIN = "delete it to have it made again"


def size_of(path: Path, about: Mapping[str, str]) -> tuple[int, int]:
    """Return width and height of the picture that an identity was made from.

    Raises:
        WeightsError: they are missing or invalid.
    """
    try:
        size = parse_json(about["size"])
    except (KeyError, ValueError):
        size = None
    whole = isinstance(size, list) and all(isinstance(length, int) and 1 <= length <= _LONGEST for length in size)
    if not whole or len(size) != 2:
        raise WeightsError(f"{path}: damaged: the picture's size is not two whole numbers; {_AGAIN}")
    return size[0], size[1]


def check_face(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Check the face in an identity file, and the metadata about it.

    Raises:
        WeightsError: something is damaged; the message names it.
    """
    size = size_of(path, about)
    for name in ("weights_sha256", "tracker", "picture"):
        if name not in about:
            raise WeightsError(f"{path}: damaged: {name} is missing; {_AGAIN}")
    _check(path, tensors, "mesh", (_MESH_POINTS, 3), _REACH * max(size))
    _check(path, tensors, "code", (IDENTITY_CODE,), _LARGEST)
    if float(np.ptp(tensors["mesh"].numpy()[:, :2], axis=0).min()) < 1:
        raise WeightsError(f"{path}: damaged: the mesh is no face: all points lie on one line; {_AGAIN}")
    if "headroom" in tensors:
        _check(path, tensors, "headroom", size[:1], size[1])
    if "pose" in tensors or "rest" in tensors:
        _check(path, tensors, "pose", (13,), _REACH * max(size))
        _check(path, tensors, "rest", (_MESH_POINTS, 3), _LARGEST)
    _check_references(path, tensors, about)


def _check_references(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    try:
        entries = parse_json(about.get("references", "[]"))
        sizes = [size for name, size in entries if name and len(size) == 2 and all(1 <= s <= _LONGEST for s in size)]
    except (TypeError, ValueError):
        entries, sizes = [None], []
    if not isinstance(entries, list) or len(sizes) != len(entries):
        raise WeightsError(f"{path}: damaged: the list of appearance pictures is invalid; {_AGAIN}")
    for number, size in enumerate(sizes):
        frames, mesh = f"{REFERENCES}{number}.frames", f"{REFERENCES}{number}.mesh"
        _check(path, tensors, frames, None, _LARGEST * 1e3)
        count = tensors[frames].numel()
        _check(path, tensors, frames, (count,), _LARGEST * 1e3)
        _check(path, tensors, mesh, (count, _MESH_POINTS, 3), _REACH * max(size))
    if sum(name.startswith(REFERENCES) for name in tensors) != 2 * len(sizes):
        raise WeightsError(f"{path}: damaged: it holds appearance pictures that are not in its list; {_AGAIN}")


def check_tables(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Check dictionary and adapters as far as possible without FD-GAN's networks.

    Raises:
        WeightsError: something is damaged; the message names it.
    """
    for name in tensors:
        if name not in ("mesh", "code", "headroom", "rest", "pose") and not name.startswith(REFERENCES):
            if not _TABLE.fullmatch(name):
                raise WeightsError(f"{path}: damaged: unknown tensor '{name[:60]}'; {_AGAIN}")
            _check(path, tensors, name, None, _LARGEST)
    levels = sum(name.startswith("dictionary.") for name in tensors)
    if any(f"dictionary.{level}" not in tensors for level in range(levels)):
        raise WeightsError(f"{path}: damaged: a level of the dictionary is missing; {_AGAIN}")


def check_taught(
    path: str, dictionary: Tables, adapters: Mapping[str, np.ndarray], fdgan: RepairWeights | PortraitWeights
) -> None:
    """Check that a person's dictionary and adapters fit FD-GAN's networks.

    Args:
        path: the identity file, for messages.
        dictionary: the person's tables.
        adapters: the person's adapters, by name.
        fdgan: the weights of the networks that will read them.

    Raises:
        WeightsError: they were made for other networks.
    """
    from ofx_reenact.fdgan.adapters import fits
    from ofx_reenact.fdgan.network import PassThrough, table_shapes

    network = fdgan.network
    wanted: tuple[tuple[int, ...], ...] = table_shapes(network.translator)
    if isinstance(fdgan, PortraitWeights) and isinstance(network.extractor, PassThrough):
        # The ablation without a dictionary: the network reads a picture of the person instead, in six channels.
        wanted = ((6, fdgan.size, fdgan.size),)
    found = tuple(table.shape for table in dictionary)
    if found != wanted:
        raise WeightsError(f"{path}: damaged: the dictionary's tables are {found}, FD-GAN reads {wanted}; {_AGAIN}")
    if adapters and isinstance(fdgan, RepairWeights) and not fits(network.translator, adapters):
        raise WeightsError(f"{path}: damaged: the adapters are for other FD-GAN weights; train the identity again")


def _check(path: Path, tensors: Mapping[str, Tensor], name: str, shape: tuple[int, ...] | None, largest: float) -> None:
    """Refuse a tensor that is missing, is not of floats, has another shape, or has magnitudes above ``largest``."""
    if name not in tensors:
        raise WeightsError(f"{path}: damaged: {name} is missing; {_AGAIN}")
    tensor = tensors[name]
    if not tensor.dtype.is_floating_point or (shape is not None and tuple(tensor.shape) != shape):
        expected = f", expected {shape}" if shape else ""
        raise WeightsError(f"{path}: damaged: {name} is {tensor.dtype} {tuple(tensor.shape)}{expected}; {_AGAIN}")
    if tensor.numel() and float(tensor.abs().max()) > largest:
        raise WeightsError(f"{path}: damaged: values of {name} are larger than {largest:g}; {_AGAIN}")
