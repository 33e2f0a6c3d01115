"""The numbers of one pair, kept in a file so that they are measured once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ofx_reenact.arrays import check_shapes, read_arrays, text_in
from ofx_reenact.errors import ReenactError
from ofx_reenact.files import parse_json, write_whole

SCHEMA = "ofx-reenact/reenactment-pair/1"


@dataclass(frozen=True)
class PairResult:
    """The numbers of one pair. Yaw, features, pictures, gains and uses may be empty.

    Attributes:
        name: ``TARGET__DRIVER``.
        target, driver: names of the files without their suffix.
        digests: SHA-256 of the files ``target`` and ``driver``.
        frames: N measured frames of the driver, or of the plate.
        yaw: the driver's yaw in these frames relative to its reference frame, degrees.
        values: method → metric → values (N,), or (1,) for the whole clip; NaN where there is none.
        backends: metric → the network or method that made it.
        features: method → features (N, D) float32 of the rendered frames.
        real: features (R, D) of the real pictures that they are compared with.
        pictures: JPEGs of the target and of each method.
        gains: method → blendshape that the driver uses → (gain, correlation).
        uses: blendshape → its standard deviation over the driver's whole clip.
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
    gains: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    uses: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file completely or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        unchanged = ("name", "target", "driver", "digests", "frames", "yaw", "backends")
        about = {"schema": SCHEMA} | {name: getattr(self, name) for name in unchanged}
        about["yaw"] = _json_values(self.yaw)
        about |= {"values": _json_rows(self.values), "gains": _json_rows(self.gains), "uses": dict(self.uses)}
        about |= {"features": list(self.features), "pictures": list(self.pictures)}
        arrays: dict[str, Any] = {f"features.{i}": x for i, x in enumerate(self.features.values())}
        arrays |= {f"pictures.{i}": np.frombuffer(x, np.uint8) for i, x in enumerate(self.pictures.values())}
        with write_whole(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, about=np.asarray(json.dumps(about)), real=self.real, **arrays)

    @classmethod
    def load(cls, path: Path) -> PairResult:
        """Read the file.

        Raises:
            ReenactError: the file is damaged or of another version.
        """
        hint = "delete it, and it is measured again"
        arrays = read_arrays(path, what="result of this version", hint=hint)
        try:
            about = parse_json(text_in(arrays["about"]))
            _check(about, arrays)
        except (KeyError, ValueError) as error:
            raise ReenactError(f"{path}: not a whole result of this version ({error}); {hint}") from error
        del about["schema"]
        features = {name: arrays[f"features.{i}"] for i, name in enumerate(about.pop("features"))}
        pictures = {name: arrays[f"pictures.{i}"].tobytes() for i, name in enumerate(about.pop("pictures"))}
        about |= {name: _rows(about.get(name, {})) for name in ("values", "gains")}
        frames, yaw = tuple(about.pop("frames")), tuple(np.array(about.pop("yaw"), np.float64).tolist())
        return cls(**about, frames=frames, yaw=yaw, features=features, real=arrays["real"], pictures=pictures)


Rows = Mapping[str, Mapping[str, np.ndarray]]


def _json_values(values: Iterable[float]) -> list[float | None]:
    """Replace values that are not finite by null, which numpy reads as NaN."""
    return [value if math.isfinite(value) else None for value in values]


def _json_rows(rows: Rows) -> dict[str, dict[str, list[float | None]]]:
    return {m: {name: _json_values(values.tolist()) for name, values in row.items()} for m, row in rows.items()}


def _rows(plain: Mapping[str, Mapping[str, list[float | None]]]) -> Rows:
    return {m: {name: np.array(values, np.float64) for name, values in row.items()} for m, row in plain.items()}


def _check(about: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Check that a file has the fields and arrays that :meth:`PairResult.save` writes.

    Raises:
        KeyError, ValueError: it does not; the message names the difference.
    """
    kinds = {
        "schema": str, "name": str, "target": str, "driver": str, "digests": dict, "frames": list, "yaw": list,
        "backends": dict, "values": dict, "features": list, "pictures": list,
    }  # fmt: skip
    if not isinstance(about, dict) or about.get("schema") != SCHEMA:
        raise ValueError("another version")
    # Files of earlier versions have neither.
    kinds |= {name: dict for name in ("gains", "uses") if name in about}
    if about.keys() != kinds.keys() or not all(isinstance(about[name], kind) for name, kind in kinds.items()):
        raise ValueError("other fields")
    texts = [*about["digests"].values(), *about["backends"].values(), *about["features"], *about["pictures"]]
    rows = [*about["values"].values(), *about.get("gains", {}).values()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a field is of another kind")
    lists = [about["frames"], about["yaw"], *(values for row in rows for values in row.values())]
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(values, list) for values in lists):
        raise ValueError("a field is of another kind")
    if any(len(pair) != 2 for row in about.get("gains", {}).values() for pair in row.values()):
        raise ValueError("a gain without its correlation")
    uses = list(about.get("uses", {}).values())
    known = [value for values in (*lists, uses) for value in values if value is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    if not numbers or None in (*about["frames"], *uses):
        raise ValueError("a value is not a number")
    shapes = {"real": "number * D"} | {f"features.{i}": "number * D" for i in range(len(about["features"]))}
    check_shapes(arrays, shapes | {f"pictures.{i}": "whole *" for i in range(len(about["pictures"]))})
