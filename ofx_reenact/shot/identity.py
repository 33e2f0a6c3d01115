"""Who the target is: the face found in the target picture and its identity code, kept in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ofx_reenact.errors import TrackingError, WeightsError
from ofx_reenact.files import written_whole
from ofx_reenact.ldnet.retarget import identity_code
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.lift import lift
from ofx_reenact.tracking.person import headroom
from ofx_reenact.tracking.rigid import Similarity, head_pose
from ofx_reenact.tracking.tracker import Track
from ofx_reenact.weights import read_safetensors

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = "ofx-reenact/identity/1"


@dataclass(frozen=True)
class Identity:
    """A target's face.

    Attributes:
        mesh: (478, 3) float64 pixels of the target picture.
        code: (128,) float32, z_T of LD-Net.
        size: the picture's width and height.
        tracker: what found the face; a performance must come from the same.
        weights_sha256: the LD-Net weights that made the code.
        picture: name of the target picture.
        dictionary: FD-GAN's tables (n_i, C_i) float32, finest first; empty without FD-GAN.
        fdgan_sha256: the FD-GAN weights that wrote it, and ``""`` without.
        adapters: what a custom identity taught the translator, by name; empty without.
        headroom: (W,) float32, rows of the picture above the person in each column; None where no person was made out.
        notes: what the user should know of how it was made; not kept in the file.
    """

    mesh: np.ndarray
    code: np.ndarray
    size: tuple[int, int]
    tracker: str
    weights_sha256: str
    picture: str
    dictionary: tuple[np.ndarray, ...] = ()
    fdgan_sha256: str = ""
    adapters: Mapping[str, np.ndarray] = field(default_factory=dict)
    headroom: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def head(self) -> Similarity:
        """Pose of the head: canonical units → pixels."""
        return head_pose(self.mesh)

    @cached_property
    def frontal(self) -> np.ndarray:
        """The mesh with the head's pose taken out (478, 3), canonical units."""
        return self.head.invert(self.mesh)

    @property
    def landmarks(self) -> np.ndarray:
        """The frontal 68 landmarks (68, 2), as LD-Net takes them."""
        return self.frontal[list(MESH68), :2]

    @classmethod
    def of_track(cls, track: Track, shown: np.ndarray, tracker: str, weights: LDNetWeights, picture: str) -> Identity:
        """Build from what a tracker found; a tracker without a mesh has its landmarks lifted to one.

        Args:
            track: the face.
            shown: the picture it was found in, (H, W, 3) uint8.
            tracker: its name.
            weights: LD-Net's, which make the code.
            picture: name of the target picture.
        """
        mesh = track.mesh if track.mesh is not None else lift(track.landmarks)
        frontal = head_pose(mesh).invert(mesh)
        code = identity_code(weights, frontal[list(MESH68), :2])
        size, above = (shown.shape[1], shown.shape[0]), headroom(shown, mesh[list(FACE_OVAL), :2])
        return cls(mesh.astype(np.float64), code, size, tracker, weights.sha256, picture, headroom=above)

    def save(self, path: Path) -> None:
        """Write to a safetensors file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        from safetensors.numpy import save

        about = {
            "schema": SCHEMA, "size": json.dumps(self.size), "tracker": self.tracker,
            "weights_sha256": self.weights_sha256, "picture": self.picture, "fdgan_sha256": self.fdgan_sha256,
        }  # fmt: skip
        tables = {f"dictionary.{level}": values for level, values in enumerate(self.dictionary)}
        tables |= {f"adapters.{name}": values for name, values in self.adapters.items()}
        if self.headroom is not None:
            tables["headroom"] = self.headroom
        with written_whole(path) as partial:
            partial.write_bytes(save({"mesh": self.mesh, "code": self.code, **tables}, metadata=about))

    @classmethod
    def load(cls, path: Path, weights: LDNetWeights, size: tuple[int, int], fdgan_sha256: str = "") -> Identity:
        """Read an identity file and check that it belongs to this target picture and these weights.

        Args:
            path: of the file.
            weights: LD-Net's.
            size: the picture's width and height.
            fdgan_sha256: FD-GAN's weights; ``""`` renders without repair and takes a file with or without.

        Raises:
            WeightsError: not an identity file, or made with other weights.
            TrackingError: made from a picture of another size.
        """
        tensors, about = _read(path)
        if about["weights_sha256"] != weights.sha256:
            raise WeightsError(f"{path}: made with other LD-Net weights; delete it to have it made again")
        if fdgan_sha256 and about.get("fdgan_sha256", "") != fdgan_sha256:
            had = "with other FD-GAN weights" if about.get("fdgan_sha256") else "without repair"
            raise WeightsError(f"{path}: made {had}; delete it to have it made again, or render with --repair off")
        made_for = tuple(json.loads(about["size"]))
        if made_for != size:
            raise TrackingError(
                f"{path}: made from a picture of {made_for[0]}×{made_for[1]}, the target is {size[0]}×{size[1]}; "
                "use the identity's own picture or delete the file to have it made again"
            )
        mesh, code = tensors["mesh"].numpy(), tensors["code"].numpy()
        dictionary, adapters = _tables(tensors)
        above = tensors["headroom"].numpy() if "headroom" in tensors else None
        made_with = about["tracker"], about["weights_sha256"], about["picture"]
        return cls(mesh, code, size, *made_with, dictionary, about.get("fdgan_sha256", ""), adapters, above)


def holds_training(path: Path) -> bool:
    """Tell whether an identity file holds what ``train identity`` taught, which is not to be made anew by the way."""
    try:
        tensors, _ = read_safetensors(path)
    except WeightsError:
        return False
    return any(name.startswith("adapters.") for name in tensors)


def load_appearance(path: Path, fdgan_sha256: str) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Read of an identity file only what FD-GAN knows of the person: dictionary and adapters, as in :class:`Identity`.

    Raises:
        WeightsError: not an identity file, made without FD-GAN or with other weights of it.
    """
    tensors, about = _read(path)
    if not about.get("fdgan_sha256"):
        raise WeightsError(f"{path}: made without repair, so it knows no mouth; make it with --repair on")
    if about["fdgan_sha256"] != fdgan_sha256:
        raise WeightsError(f"{path}: made with other FD-GAN weights; name those with --fdgan-weights")
    return _tables(tensors)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors, about = read_safetensors(path)
    if about.get("schema") != SCHEMA or not {"mesh", "code"} <= set(tensors):
        raise WeightsError(f"{path}: not an identity file of this version; delete it to have it made again")
    return tensors, about


def _tables(tensors: Mapping[str, Tensor]) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """Dictionary and adapters among an identity file's tensors."""
    levels = sorted(name for name in tensors if name.startswith("dictionary."))
    adapters = {
        name.removeprefix("adapters."): tensor.numpy()
        for name, tensor in tensors.items()
        if name.startswith("adapters.")
    }
    return tuple(tensors[name].numpy() for name in levels), adapters
