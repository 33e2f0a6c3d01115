"""The identity file: what is written to it, and what is refused."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ofx_reenact.errors import TrackingError, WeightsError
from ofx_reenact.fdgan import adapters
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.identity_check import check_taught


def test_identity_errors(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    with pytest.raises(TrackingError, match="the target is 10×10"):
        Identity.load(path, weights, (10, 10))
    with pytest.raises(WeightsError, match="other LD-Net weights"):
        Identity.load(path, dataclasses.replace(weights, sha256="0"), identity.face.size)
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        Identity.load(path, weights, identity.face.size)


@pytest.mark.parametrize(
    ("tensors", "about", "message"),
    [
        ({"mesh": torch.zeros(478, 3)}, {}, "all points lie on one line"),
        ({"mesh": torch.full((478, 3), 1e30)}, {}, "values of mesh are larger than"),
        ({"mesh": torch.zeros(477, 3)}, {}, "expected (478, 3)"),
        ({"mesh": torch.full((478, 3), torch.nan)}, {}, "not finite"),
        ({"mesh": torch.zeros(478, 3, dtype=torch.int64)}, {}, "mesh is torch.int64"),
        ({"code": torch.zeros(64)}, {}, "expected (128,)"),
        ({"code": None}, {}, "code is missing"),
        ({"headroom": torch.zeros(3)}, {}, "headroom is"),
        ({"dictionary.1": torch.zeros(4, 4)}, {}, "a level of the dictionary is missing"),
        ({"dictionary.0": torch.full((4, 4), 1e30)}, {}, "values of dictionary.0"),
        ({"adapters": torch.zeros(4)}, {}, "unknown tensor 'adapters'"),
        ({}, {"size": "[0, 10]"}, "size is not two whole numbers"),
        ({}, {"size": "[" * 3000}, "size is not two whole numbers"),
        ({}, {"size": "[1e30, 2]"}, "size is not two whole numbers"),
        ({}, {"size": None}, "size is not two whole numbers"),
        ({}, {"tracker": None}, "tracker is missing"),
        ({}, {"picture": None}, "picture is missing"),
        ({}, {"weights_sha256": None}, "weights_sha256 is missing"),
    ],
)
def test_damaged_identities_are_refused(identity, weights, tmp_path, tensors, about, message):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    with safe_open(path, "pt") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()} | tensors  # noqa: SIM118
        metadata = {**file.metadata(), **about}
    save_file(
        {name: tensor for name, tensor in kept.items() if tensor is not None}, path,
        {name: text for name, text in metadata.items() if text is not None},
    )  # fmt: skip
    with pytest.raises(WeightsError, match=rf"i\.safetensors: damaged: .*{re.escape(message)}"):
        Identity.load(path, weights, identity.face.size)


def test_what_fdgan_cannot_read_is_refused(painting):
    tables = tuple(np.zeros((4, 8), np.float32) for _ in range(4))
    check_taught("i", tables, {}, painting)
    layers = {name: layer.weight for name, layer in adapters._layers(painting.network.translator)}
    taught = {f"{name}.a": np.zeros((3, kernel[0].numel())) for name, kernel in layers.items()}
    taught |= {f"{name}.b": np.zeros((len(kernel), 3)) for name, kernel in layers.items()}
    check_taught("i", tables, taught, painting)
    for other in (tables[:3], (*tables[:3], np.zeros((5, 8))), ()):
        with pytest.raises(WeightsError, match=r"i: damaged: the dictionary's tables are"):
            check_taught("i", other, {}, painting)
    first = next(iter(taught))
    for wrong in ({first: taught[first]}, taught | {first: np.zeros((3, 5))}, taught | {first: np.zeros(())}):
        with pytest.raises(WeightsError, match="the adapters are for other FD-GAN weights"):
            check_taught("i", tables, wrong, painting)


def test_identity_files_keep_the_headroom(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    assert np.array_equal(Identity.load(path, weights, identity.face.size).face.headroom, identity.face.headroom)
    dataclasses.replace(identity, face=dataclasses.replace(identity.face, headroom=None)).save(path)
    assert Identity.load(path, weights, identity.face.size).face.headroom is None
