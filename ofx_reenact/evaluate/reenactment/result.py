"""The numbers of one pair, kept in a file so that they are made once."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.errors import ReenactError
from ofx_reenact.files import written_whole

SCHEMA = "ofx-reenact/reenactment-pair/1"


@dataclass(frozen=True)
class PairResult:
    """One pair, measured; ``digests`` are SHA-256 of the files ``target`` and ``driver``.

    ``values``: method → metric → values, a frame each or a clip's one; ``backends``: metric → what made it; ``yaw``:
    the driver's in the measured frames since its reference, degrees; ``features``: method → (N, D) float32, compared
    with those of ``real`` pictures (R, D); ``pictures``: JPEGs of one frame, the target's, then each method's.
    """

    name: str
    target: str
    driver: str
    digests: Mapping[str, str]
    frames: tuple[int, ...]
    yaw: tuple[float, ...]
    values: Mapping[str, Mapping[str, np.ndarray]]
    backends: Mapping[str, str]
    features: Mapping[str, np.ndarray]
    real: np.ndarray
    pictures: Mapping[str, bytes]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        as_they_are = ("name", "target", "driver", "digests", "frames", "yaw", "backends")
        about = {"schema": SCHEMA} | {name: getattr(self, name) for name in as_they_are}
        about["values"] = {m: {k: v.tolist() for k, v in row.items()} for m, row in self.values.items()}
        about |= {"features": list(self.features), "pictures": list(self.pictures)}
        arrays: dict[str, Any] = {f"features.{i}": x for i, x in enumerate(self.features.values())}
        arrays |= {f"pictures.{i}": np.frombuffer(x, np.uint8) for i, x in enumerate(self.pictures.values())}
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, about=np.asarray(json.dumps(about)), real=self.real, **arrays)

    @classmethod
    def load(cls, path: Path) -> PairResult:
        """Read the file.

        Raises:
            ReenactError: it is damaged or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                if about.pop("schema") != SCHEMA:
                    raise ValueError("another version")
                features = {name: archive[f"features.{i}"] for i, name in enumerate(about.pop("features"))}
                pictures = {name: archive[f"pictures.{i}"].tobytes() for i, name in enumerate(about.pop("pictures"))}
                real = archive["real"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ReenactError(
                f"{path}: not a whole result of this version ({error}); delete it to have it made again"
            ) from error
        values = {m: {k: np.array(v, np.float64) for k, v in row.items()} for m, row in about.pop("values").items()}
        frames, yaw = tuple(about.pop("frames")), tuple(about.pop("yaw"))
        return cls(**about, frames=frames, yaw=yaw, values=values, features=features, real=real, pictures=pictures)
