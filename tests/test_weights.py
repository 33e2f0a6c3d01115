"""Weights files: a tensor of another shape costs no memory, and what no network holds is refused."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from narrow import narrow, small
from safetensors.torch import load_file, save_file
from torch import nn

from ofx_reenact.errors import WeightsError
from ofx_reenact.fdgan.portrait import PortraitNetwork
from ofx_reenact.fdgan.weights import PORTRAIT, REPAIR, load_portrait, load_repair, save_portrait, save_repair
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.ldnet.weights import load_ldnet, save_ldnet
from ofx_reenact.weights import build_network, read_safetensors


@pytest.fixture
def files(tmp_path):
    """Each network's loader, a small file of it, and its metadata."""
    save_ldnet(tmp_path / "l.safetensors", LDNet(width=16, hidden=3), torch.rand(68, 2), "rigid", {})
    save_repair(tmp_path / "d.safetensors", small(), {})
    save_portrait(tmp_path / "p.safetensors", PortraitNetwork(*narrow(3, 6, 3)), 32, {})
    return {
        "ld-net": (load_ldnet, tmp_path / "l.safetensors", {"network": "ld-net", "norm": "rigid"}),
        "repair": (load_repair, tmp_path / "d.safetensors", {"network": REPAIR}),
        "portrait": (load_portrait, tmp_path / "p.safetensors", {"network": PORTRAIT, "size": "32"}),
    }


def test_a_network_of_other_shapes_is_built_without_memory():
    built = []

    def build() -> nn.Linear:
        built.append(torch.empty(0).device.type)
        return nn.Linear(4, 10**6)

    with pytest.raises(WeightsError, match=r"w: the tensors are not LD-Net's \(.*Linear"):
        build_network(Path("w"), build, {"weight": torch.zeros(3, 4), "bias": torch.zeros(3)}, "LD-Net")
    assert built == ["meta"]


@pytest.mark.parametrize(
    ("kind", "name", "shape"),
    [
        ("repair", "extractor.down.3.0.weight", (40_000, 8, 4, 4)),
        ("repair", "translator.reader.0.tags", (200_000, 32)),
        ("repair", "extractor.writer.0.tags", (0, 10**9)),
        ("portrait", "translator.up.0.2.weight", (8, 40_000, 4, 4)),
        ("ld-net", "pose_encoder.0.weight", (40_000, 136)),
        ("ld-net", "pose_encoder.0.weight", (0, 0)),
        ("ld-net", "pose_encoder.0.weight", ()),
        ("ld-net", "template", (67, 2)),
    ],
)  # fmt: skip
def test_one_wrong_shape_is_refused(files, kind, name, shape):
    load, path, about = files[kind]
    save_file(load_file(path) | {name: torch.zeros(shape, dtype=torch.float16)}, path, about)
    with pytest.raises(WeightsError, match=r"the tensors are not (this )?(FD-GAN|LD-Net)'s"):
        load(path)


@pytest.mark.parametrize("kind", ["ld-net", "repair", "portrait"])
@pytest.mark.parametrize("value", [np.nan, np.inf, None, "missing", "extra"])
def test_other_tensors_are_refused(files, kind, value):
    load, path, about = files[kind]
    load(path)
    tensors = load_file(path)
    name = sorted(tensors)[0]
    if value == "missing":
        del tensors[name]
    elif value == "extra":
        tensors[f"{name}.more"] = torch.zeros(2)
    else:
        tensors[name] = tensors[name].to(torch.complex64) if value is None else torch.full_like(tensors[name], value)
    save_file(tensors, path, about)
    with pytest.raises(WeightsError, match=rf"{path.name}: (damaged|the tensors are not)"):
        load(path)


def test_parts_of_different_networks_are_refused(files, tmp_path):
    load, path, about = files["repair"]
    other = small()
    other.extractor = narrow(15, 6, 6)[0]
    save_repair(tmp_path / "o.safetensors", other, {})
    with pytest.raises(WeightsError, match="channels"):
        load(tmp_path / "o.safetensors")
    tensors = load_file(path)
    for level in range(4):
        tensors[f"translator.reader.{level}.tags"] = torch.zeros(9, 32)
    save_file(tensors, path, about)
    with pytest.raises(WeightsError, match="other dictionaries"):
        load(path)


@pytest.mark.parametrize("size", ["", "x", "-16", "17", "1e9", "99999", "00"])
def test_a_portraits_size_is_one(files, size):
    load, path, about = files["portrait"]
    save_file(load_file(path), path, about | {"size": size})
    with pytest.raises(WeightsError, match="size of its portraits"):
        load(path)


def test_a_file_cut_anywhere_is_no_safetensors_file(files):
    _, path, _ = files["ld-net"]
    whole = path.read_bytes()
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match="not a safetensors file"):
            read_safetensors(path)


@pytest.mark.slow
def test_reading_weights_does_not_load_torchs_compiler():
    """Which takes seconds, and a place for temporary files; nor the algebra that it is written with."""
    code = (
        "import sys; from ofx_reenact.fdgan.weights import load_repair; load_repair(); "
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})


@pytest.mark.parametrize("load", [load_repair, load_portrait])
def test_shipped_weights_say_whom_they_were_trained_on(load):
    metadata = load().metadata
    people = r"[0-9]+, SHA-256 of their names [0-9a-f]{64}"
    # Weights that others were trained on from say those people, too.
    assert re.match(rf"{people}(; and those of [0-9a-f]{{12}}: {people})*$", metadata["people"])
    assert "not known" not in metadata["data"] and "CC0 1.0" in metadata["data"]
