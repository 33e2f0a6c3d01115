"""Compute Face Mesh's 52 blendshapes, the expression as numbers from 0 to 1, for many meshes at once.

The network in the vendored model file is an MLP-Mixer (Tolstikhin et al. 2021) over 146 points of the mesh. It is
evaluated in numpy because OpenCV takes one mesh at a time.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ofx_reenact.resources import resource
from ofx_reenact.tracking.canonical import MODEL

BLENDSHAPES = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip

# The mesh points that the network takes, in its order.
_POINTS = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80,
    81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153,
    154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314,
    317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382,
    384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473,
    474, 475, 476, 477,
)  # fmt: skip
_BLOCKS, _EPSILON = 4, np.float32(1e-6)
# Meshes that are evaluated at once: the values between the layers take 200 kB for each.
_BATCH = 64
# OpenBLAS computes a matrix product of up to this many scalar multiplications in the calling thread. More threads would
# not make such small products faster, and would wait for a core on a busy machine.
_ONE_THREAD = 1 << 18


class _Layer(NamedTuple):
    """A matrix (out, in) and its bias (out,), float32."""

    matrix: np.ndarray
    bias: np.ndarray


class _Block(NamedTuple):
    """A block of the mixer: tokens are mixed, then channels; each starts with a layer norm of scale (64,)."""

    token_norm: np.ndarray
    tokens: tuple[_Layer, _Layer]
    channel_norm: np.ndarray
    channels: tuple[_Layer, _Layer]


class _Network(NamedTuple):
    points: _Layer
    coordinates: _Layer
    extra_token: np.ndarray
    blocks: tuple[_Block, ...]
    output: _Layer


def blendshapes_of(meshes: np.ndarray) -> np.ndarray:
    """Return blendshapes (N, 52) float32 in [0, 1] of upright meshes (N, 478, 2 or more), in any unit."""
    if not len(meshes):
        return np.zeros((0, len(BLENDSHAPES)), np.float32)
    points = meshes[:, list(_POINTS), :2].astype(np.float32)
    pieces = [_run(_network(), points[first : first + _BATCH]) for first in range(0, len(points), _BATCH)]
    return np.asarray(1 / (1 + np.exp(-np.concatenate(pieces))))


def _run(network: _Network, points: np.ndarray) -> np.ndarray:
    """Return logits (N, 52) of points (N, 146, 2)."""
    points = points - points.mean(axis=1, keepdims=True)
    points = points * (0.5 / np.linalg.norm(points, axis=-1).mean(axis=1)[:, None, None])
    values = _mix_tokens(network.points, points) @ network.coordinates.matrix.T + network.coordinates.bias
    extra_token = np.broadcast_to(network.extra_token, (len(values), 1, values.shape[2]))
    values = np.concatenate([extra_token, values], axis=1)
    for block in network.blocks:
        first, second = block.tokens
        values = values + _mix_tokens(second, _relu(_mix_tokens(first, _layer_norm(values, block.token_norm))))
        first, second = block.channels
        values = values + _mix_channels(second, _relu(_mix_channels(first, _layer_norm(values, block.channel_norm))))
    logits: np.ndarray = values[:, 0] @ network.output.matrix.T + network.output.bias
    return logits


def _mix_tokens(layer: _Layer, values: np.ndarray) -> np.ndarray:
    """Mix tokens: (N, in, C) to (N, out, C)."""
    return _multiply(layer.matrix, values) + layer.bias[:, None]


def _mix_channels(layer: _Layer, values: np.ndarray) -> np.ndarray:
    """Mix channels: (N, tokens, in) to (N, tokens, out)."""
    return _multiply(values, layer.matrix.T) + layer.bias


def _multiply(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Multiply (..., a, b) by (..., b, c), a few rows at a time so that BLAS starts no threads."""
    rows = max(1, _ONE_THREAD // (right.shape[-2] * right.shape[-1]))
    pieces = [np.matmul(left[..., at : at + rows, :], right) for at in range(0, left.shape[-2], rows)]
    return np.concatenate(pieces, axis=-2)


def _relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0, out=values)


def _layer_norm(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + _EPSILON)
    return centred * (scale / deviation)


@lru_cache(maxsize=1)
def _network() -> _Network:
    """Read the network from the model file."""
    # Imported here because it has many modules, and a render whose driver is already tracked needs none of them.
    import tflite

    with zipfile.ZipFile(resource(*MODEL)) as bundle:
        model = tflite.Model.GetRootAsModel(bundle.read("face_blendshapes.tflite"), 0)
    graph, tensors = model.Subgraphs(0), {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        content = model.Buffers(tensor.Buffer())
        if tensor.Type() == tflite.TensorType.FLOAT16 and content.DataLength() > 2:
            shape = [size for size in tensor.ShapeAsNumpy().tolist() if size > 1]
            values = np.frombuffer(content.DataAsNumpy().tobytes(), np.float16).astype(np.float32)
            # The name of a fused operation lists all its parts; the last is the tensor's own.
            tensors[tensor.Name().decode().split(";")[-1]] = values.reshape(shape)

    def find_tensor(*parts: str) -> np.ndarray:
        return next(values for name, values in tensors.items() if all(part in name for part in parts))

    def layer(name: str) -> _Layer:
        return _Layer(find_tensor(name, "Conv2D"), find_tensor(name, "BiasAdd"))

    def block(number: int) -> _Block:
        at = f"MixerBlock_{number}/"
        mixing = [
            (layer(f"{at}mlp_{what}_mixing/Mlp_1/"), layer(f"{at}mlp_{what}_mixing/Mlp_2/"))
            for what in ("token", "channel")
        ]
        return _Block(find_tensor(f"{at}layer_norm1"), mixing[0], find_tensor(f"{at}layer_norm2"), mixing[1])

    return _Network(
        layer("General/conv2d/"),
        layer("input_tokens_embedding/"),
        find_tensor("AddExtraTokens"),
        tuple(block(number) for number in range(_BLOCKS)),
        layer("output_blendweights/"),
    )
