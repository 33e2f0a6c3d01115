"""The identity file: the person to animate and the face in their picture, in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ofx_reenact.errors import TrackingError, WeightsError
from ofx_reenact.files import write_whole
from ofx_reenact.ldnet.retarget import identity_code
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.shot.frame import Tables
from ofx_reenact.shot.identity_check import REFERENCES, check_face, check_tables, size_of
from ofx_reenact.shot.person import AppearanceSource, Face, Person
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.rigid import Similarity
from ofx_reenact.weights import read_safetensors

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = "ofx-reenact/identity/1"


@dataclass(frozen=True)
class Identity:
    """The content of an identity file.

    Attributes:
        person: who is animated.
        face: the face in the picture.
        references: the other pictures and footage of the person that ``--appearance`` named.
        notes: messages for the user about how it was made; not written to the file.
        made_of: the picture and the options that it was made from, as JSON; "" if the file does not record them.
    """

    person: Person
    face: Face
    references: tuple[AppearanceSource, ...] = ()
    notes: tuple[str, ...] = ()
    made_of: str = ""

    @property
    def other_meshes(self) -> list[np.ndarray]:
        """Meshes of the face (478, 3) in all other pictures of the person, pixels."""
        return [mesh for reference in self.references for mesh in reference.mesh]

    @classmethod
    def of_face(cls, face: Face, weights: LDNetWeights) -> Identity:
        """Make an identity from a face and LD-Net's code of it, without a dictionary."""
        code = identity_code(weights, face.frontal[list(MESH68), :2])
        return cls(Person(face.frontal, face.tracker, code, weights.sha256), face)

    def save(self, path: Path) -> None:
        """Write the identity to a safetensors file, completely or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        from safetensors.numpy import save

        about = {
            "references": json.dumps([[one.name, one.size] for one in self.references]),
            "schema": SCHEMA, "size": json.dumps(self.face.size), "tracker": self.face.tracker,
            "weights_sha256": self.person.weights_sha256, "picture": self.face.picture,
            "fdgan_sha256": self.person.fdgan_sha256, "made_of": self.made_of,
        }  # fmt: skip
        tables = {f"dictionary.{level}": values for level, values in enumerate(self.person.dictionary)}
        tables |= {f"adapters.{name}": values for name, values in self.person.adapters.items()}
        if self.face.headroom is not None:
            tables["headroom"] = self.face.headroom
        for number, one in enumerate(self.references):
            tables[f"{REFERENCES}{number}.frames"] = one.frames.astype(np.float64)
            tables[f"{REFERENCES}{number}.mesh"] = one.mesh
        if self.face.pose is not None:
            tables |= {"rest": self.person.rest, "pose": _pack_pose(self.face.pose)}
        with write_whole(path) as partial:
            partial.write_bytes(save({"mesh": self.face.mesh, "code": self.person.code, **tables}, metadata=about))

    @classmethod
    def load(cls, path: Path, weights: LDNetWeights, size: tuple[int, int], fdgan_sha256: str = "") -> Identity:
        """Read an identity file and check that it belongs to the target picture and the weights.

        Args:
            path: the file.
            weights: LD-Net's.
            size: the target picture's width and height.
            fdgan_sha256: digest of FD-GAN's weights; ``""`` (render without repair) accepts any.

        Raises:
            WeightsError: not an identity file, or made with other weights.
            TrackingError: made from a picture of another size.
        """
        tensors, about = _read(path)
        check_face(path, tensors, about)
        if about["weights_sha256"] != weights.sha256:
            raise WeightsError(f"{path}: made with other LD-Net weights; delete it to have it made again")
        if fdgan_sha256 and about.get("fdgan_sha256", "") != fdgan_sha256:
            had = "with other FD-GAN weights" if about.get("fdgan_sha256") else "without repair"
            raise WeightsError(f"{path}: made {had}; delete it to have it made again, or render with --repair off")
        made_for = size_of(path, about)
        if made_for != size:
            raise TrackingError(
                f"{path}: made from a picture of {made_for[0]}×{made_for[1]}, the target is {size[0]}×{size[1]}; "
                "use the identity's own picture or delete the file to have it made again"
            )
        dictionary, adapters = _get_tables(tensors)
        above = tensors["headroom"].numpy() if "headroom" in tensors else None
        pose = _unpack_pose(tensors["pose"].numpy()) if "pose" in tensors else None
        face = Face(tensors["mesh"].numpy(), size, about["tracker"], about["picture"], above, pose)
        made_with = (about["weights_sha256"], dictionary, about.get("fdgan_sha256", ""), adapters)
        rest = tensors["rest"].numpy() if pose is not None else face.frontal
        person = Person(rest, face.tracker, tensors["code"].numpy(), *made_with)
        return cls(person, face, _get_references(tensors, about), made_of=about.get("made_of", ""))


def holds_training(path: Path) -> bool:
    """Return whether an identity file holds trained adapters (``train identity``), which a render must not replace."""
    try:
        tensors, _ = read_safetensors(path)
    except WeightsError:
        return False
    return any(name.startswith("adapters.") for name in tensors)


def load_appearance(path: Path, fdgan_sha256: str) -> tuple[Tables, dict[str, np.ndarray]]:
    """Read only FD-GAN's dictionary and adapters from an identity file, as in :class:`Person`.

    Raises:
        WeightsError: not an identity file, or made without FD-GAN or with other weights of it.
    """
    tensors, about = _read(path)
    if not about.get("fdgan_sha256"):
        raise WeightsError(f"{path}: made without repair, so it has no dictionary; make it again with --repair on")
    if about["fdgan_sha256"] != fdgan_sha256:
        raise WeightsError(f"{path}: made with other FD-GAN weights; give those with --fdgan-weights")
    return _get_tables(tensors)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors, about = read_safetensors(path)
    if about.get("schema") != SCHEMA:
        raise WeightsError(f"{path}: not an identity file of this version; delete it to have it made again")
    check_tables(path, tensors)
    return tensors, about


def _pack_pose(pose: Similarity) -> np.ndarray:
    """Return a head's pose as one array (13,): rotation row by row, scale, translation."""
    return np.concatenate([pose.rotation.ravel(), [pose.scale], pose.translation])


def _unpack_pose(values: np.ndarray) -> Similarity:
    return Similarity(values[:9].reshape(3, 3), float(values[9]), values[10:])


def _get_references(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> tuple[AppearanceSource, ...]:
    """Return the references among an identity file's tensors."""
    found = []
    for number, (name, size) in enumerate(json.loads(about.get("references", "[]"))):
        frames, mesh = (tensors[f"{REFERENCES}{number}.{kind}"].numpy() for kind in ("frames", "mesh"))
        found.append(AppearanceSource(name, frames.astype(np.int64), mesh, (size[0], size[1])))
    return tuple(found)


def _get_tables(tensors: Mapping[str, Tensor]) -> tuple[Tables, dict[str, np.ndarray]]:
    """Return dictionary and adapters among an identity file's tensors."""
    levels = sorted(name for name in tensors if name.startswith("dictionary."))
    adapters = {
        name.removeprefix("adapters."): tensor.numpy()
        for name, tensor in tensors.items()
        if name.startswith("adapters.")
    }
    return tuple(tensors[name].numpy() for name in levels), adapters
