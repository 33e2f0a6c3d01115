"""Plots for an evaluation of LD-Net: codes, error by yaw, landmarks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ofx_reenact.evaluate.networks.ldnet import Codes, principal_components
from ofx_reenact.ldnet.network import LDNet
from ofx_reenact.training.ldnet.data.swaps import Swaps
from ofx_reenact.training.ldnet.score import guesses

# People and poses whose codes are drawn; swaps whose landmarks are drawn.
PEOPLE, POSES, FACES = 8, 150, 6


def draw_all(
    folder: Path, network: LDNet, codes: Codes, swaps: Swaps, yaw: Tensor, errors: Mapping[str, Tensor]
) -> list[Path]:
    """Draw codes, error by yaw and landmarks into a folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "codes.png": draw_codes(codes),
        "yaw.png": draw_yaw(yaw, errors),
        "landmarks.png": draw_faces(network, swaps),
    }
    for name, figure in drawn.items():
        figure.tight_layout()
        figure.savefig(folder / name, dpi=80)
    return [folder / name for name in drawn]


def draw_codes(codes: Codes) -> Any:
    """Draw two principal components of both codes, coloured by person and by pose.

    Identity codes (E_I) should form a cluster for each person, pose codes (E_P) one for each pose.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 8.5))
    boxes = figure.subplots(2, 2)
    for row, (name, encoded) in enumerate((("E_I", codes.identity), ("E_P", codes.pose))):
        part = principal_components(encoded[:PEOPLE, :POSES], 2).numpy()
        person, pose = np.mgrid[: part.shape[0], : part.shape[1]]
        for column, (label, colour) in enumerate((("person", person), ("pose", pose % 10))):
            boxes[row, column].scatter(*part.reshape(-1, 2).T, c=colour.ravel(), cmap="tab10", s=6)
            boxes[row, column].set_title(f"{name}, coloured by {label}", fontsize=9)
    return figure


def draw_yaw(yaw: Tensor, errors: Mapping[str, Tensor]) -> Any:
    """Draw the errors (B, 68) over the driver's yaw (B,), radians."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4))
    box = figure.subplots()
    degrees = np.degrees(yaw.numpy())
    edges = np.arange(-45, 46, 10)
    middle = (edges[1:] + edges[:-1]) / 2
    for name in ("copied", "oracle", "direct", "anchored"):
        each = errors[name].mean(-1).numpy()
        inside = [(degrees >= low) & (degrees < high) for low, high in itertools.pairwise(edges)]
        box.plot(middle, [each[rows].mean() if rows.any() else np.nan for rows in inside], marker="o", label=name)
    box.set_xlabel("driver's yaw in degrees")
    box.set_ylabel("error, half landmark boxes")
    box.legend(fontsize=8)
    return figure


def draw_faces(network: LDNet, swaps: Swaps) -> Any:
    """Draw driver, target, and the truth (grey) with LD-Net's landmarks (red) of the first few swaps."""
    from matplotlib.figure import Figure

    few = swaps.where(torch.arange(len(swaps.driver)) < FACES)
    made = guesses(network, few)["anchored"]

    figure = Figure(figsize=(12, 6))
    boxes = figure.subplots(3, FACES)
    for column in range(FACES):
        rows = ((few.driver, "driver"), (few.target, "target"), (few.truth, "truth and made"))
        for row, (faces, title) in enumerate(rows):
            box = boxes[row, column]
            box.scatter(*faces[column].numpy().T, s=7, c="0.6" if row == 2 else "0.2")
            if row == 2:
                box.scatter(*made[column].numpy().T, s=3, c="red")
            box.set_title(title, fontsize=8)
            box.set_aspect("equal")
            box.invert_yaxis()
            box.axis("off")
    return figure
