"""Average the look of many faces, and write ``mean_face.npy``: what ``tracking/look.py`` takes out of each.

    python resources/calibration/make_mean_face.py FOLDER...

The folders hold portraits, one face each. The shipped file is of 652 people who do not exist (SFHQ, SFHQ-T2I and
faker-js assets).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.tracking.face_look import normalise, sample_brightness
from ofx_reenact.tracking.facemesh import FaceMesh

OUT = Path(__file__).with_name("mean_face.npy")


def main(folders: list[str]) -> None:
    """Track every picture of the folders, average, write."""
    tracker, values, weights = FaceMesh(), [], []
    for path in sorted(path for folder in folders for path in Path(folder).iterdir()):
        picture = cv2.imread(str(path))
        if picture is None:
            continue
        picture = np.ascontiguousarray(picture[..., ::-1])
        tracker.reset()
        track = tracker.track(picture, 0)
        if track is not None and track.mesh is not None:
            brightness, seen = sample_brightness(picture, track.mesh)
            values.append(normalise(brightness, seen)[0])
            weights.append(seen)
    mean = np.average(values, axis=0, weights=np.array(weights) + 1e-9)
    np.save(OUT, mean.astype(np.float32))
    print(f"{OUT.name}: {len(mean)} points, the mean of {len(values)} faces")


if __name__ == "__main__":
    main(sys.argv[1:])
