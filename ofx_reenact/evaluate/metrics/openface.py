"""Read head rotation and action units from OpenFace's CSVs, to compute PSIM and ED (expression) as published."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.errors import ReenactError

BACKEND = "OpenFace"
_ANGLES = ("pose_Rx", "pose_Ry", "pose_Rz")


@dataclass(frozen=True)
class OpenFaceResult:
    """What OpenFace measured in N frames, NaN where it found no face.

    ``rotation`` (N, 3) rx, ry, rz in degrees; ``units`` (N, U) intensities 0 to 5 of the action units ``names``, such
    as ``AU01_r``.
    """

    rotation: np.ndarray
    units: np.ndarray
    names: tuple[str, ...]


def read(path: Path, count: int) -> OpenFaceResult:
    """Read a CSV of FeatureExtraction (``-pose -aus``) or FaceLandmarkImg that has ``count`` rows, one per frame.

    Raises:
        ReenactError: the file is missing, is no such CSV, or has another number of rows.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{key.strip(): value for key, value in row.items() if key} for row in csv.DictReader(file)]
    except FileNotFoundError as error:
        raise ReenactError(f"{path}: no such file; run OpenFace's FeatureExtraction on these frames") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReenactError(f"{path}: not a CSV of OpenFace ({error})") from error
    names = tuple(sorted(key for key in (rows[0] if rows else ()) if key.startswith("AU") and key.endswith("_r")))
    if not names or any(key not in rows[0] for key in _ANGLES):
        raise ReenactError(f"{path}: not a CSV of OpenFace with pose and action units; run it with -pose -aus")
    if len(rows) != count:
        raise ReenactError(f"{path}: {len(rows)} rows for {count} frames; run OpenFace on exactly these frames")
    try:
        values = np.array([[float(row[key]) for key in (*_ANGLES, *names)] for row in rows])
        found = np.array([float(row.get("success", "1")) > 0.5 for row in rows])
    except (TypeError, ValueError) as error:
        raise ReenactError(f"{path}: a value is not a number ({error}); run OpenFace again") from error
    values[~found] = np.nan
    return OpenFaceResult(np.degrees(values[:, :3]), values[:, 3:], names)


def unit_distance(made: OpenFaceResult, driver: OpenFaceResult) -> np.ndarray:
    """Compute the Euclidean distance of the action units' intensities, frame by frame (N,).

    Raises:
        ReenactError: the two have different action units.
    """
    if made.names != driver.names:
        raise ReenactError(
            "OpenFace wrote different action units for the rendered frames and the driver's; use one version of it"
        )
    return np.asarray(np.linalg.norm(made.units - driver.units, axis=1))
