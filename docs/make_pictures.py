"""Make the pictures of README and docs from the product itself.

    python docs/make_pictures.py [TARGET ...]

The shipped demo target comes first; further targets should show people who do not exist (SFHQ's samples).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.engine.inputs import (
    TargetPicture,
    display_of,
    driver_images,
    identify,
    make_painter,
    read_target,
    track_driver,
)
from ofx_reenact.fdgan.weights import DenseWeights, PortraitWeights, load_dense, load_portrait
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.resources import resource
from ofx_reenact.settings import Settings
from ofx_reenact.shot.reenactor import Reenactor
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.performance import Performance

OUT = Path(__file__).parent / "pictures"
COLOUR, WEIGHTS, FDGAN = Colour(), load_ldnet(), load_dense()
DRIVER = Sequence.open(resource("demo", "driver.mpg"))
SHOWN = (13, 20, 29, 36, 41, 51, 54)
CLOSE = (20, 41, 51, 56)
OPEN = (13, 19, 31, 50)
EYES, MOUTH = list(MESH68[36:48]), list(MESH68[48:60])


def main(targets: list[str]) -> None:
    """Write every picture."""
    settings = Settings(driver=DRIVER.name)
    performance = track_driver(settings, DRIVER, COLOUR, lambda step: None)
    images = driver_pictures(settings)
    made = [set_up(target, performance, FDGAN) for target in targets]
    black = np.zeros((240, 240, 3), np.uint8)
    rows = [[black, *(square(images[frame], 240) for frame in SHOWN)]]
    rows += [
        [square(show(target, target.picture), 240)]
        + [square(show(target, reenactor.render(frame).colour), 240) for frame in SHOWN]
        for target, reenactor, _ in made
    ]
    write("frames.jpg", rows)
    write("close.jpg", [row for one in made for row in close_ups(*one)])
    write("repair.jpg", [row for target in targets for row in repairs(target, performance)])
    write("portraits.jpg", [portraits(target, performance) for target in targets])
    write("layers.jpg", [layers(*made[0][:2])])
    drawn = [
        draw_overlay(images[f], performance.mesh[f - 1, list(MESH68), :2], performance.mesh[f - 1], str(f))
        for f in CLOSE
    ]
    write("track.jpg", [drawn])


def set_up(
    path: str, performance: Performance, fdgan: DenseWeights | PortraitWeights | None
) -> tuple[TargetPicture, Reenactor, np.ndarray]:
    """Return a target, its reenactor, and its mesh."""
    settings = Settings(target=path)
    target = read_target(settings, COLOUR)
    identity = identify(settings, target, COLOUR, WEIGHTS, fdgan)
    reenactor = Reenactor(weights=WEIGHTS, painter=make_painter(fdgan, "cpu") if fdgan else None)
    reenactor.set_target(target.picture, identity, display=display_of(identity, target, COLOUR))
    reenactor.set_performance(performance, settings)
    return target, reenactor, identity.mesh


def driver_pictures(settings: Settings) -> dict[int, np.ndarray]:
    """Return the driver's frames as sRGB."""
    wanted = FrameRange.of({*SHOWN, *CLOSE})
    return {f: image for f, image in driver_images(DRIVER, wanted, settings, COLOUR) if image is not None}


def close_ups(target: TargetPicture, reenactor: Reenactor, mesh: np.ndarray) -> list[list[np.ndarray]]:
    """Return eyes and mouth: of the target, then of frames."""
    pictures = [target.picture, *(reenactor.render(frame).colour for frame in CLOSE)]
    shown = [show(target, picture) for picture in pictures]
    return [[crop(picture, mesh[part, :2], grow) for picture in shown] for part, grow in ((EYES, 1.4), (MOUTH, 2.2))]


def repairs(path: str, performance: Performance) -> list[list[np.ndarray]]:
    """Return a target's mouth in frames: the warp alone, and repaired."""
    rows = []
    for fdgan in (None, FDGAN):
        target, reenactor, mesh = set_up(path, performance, fdgan)
        pictures = [target.picture, *(reenactor.render(frame).colour for frame in OPEN)]
        rows.append([crop(show(target, picture), mesh[MOUTH, :2], 2.2) for picture in pictures])
    return rows


def portraits(path: str, performance: Performance) -> list[np.ndarray]:
    """Return a target, and frames in which the printed FD-GAN draws its portrait."""
    target, reenactor, _ = set_up(path, performance, load_portrait())
    pictures = [target.picture, *(reenactor.render(frame).colour for frame in OPEN)]
    return [square(show(target, picture), 300) for picture in pictures]


def layers(target: TargetPicture, reenactor: Reenactor) -> list[np.ndarray]:
    """Return the layers of one frame side by side; the STMap as red and green."""
    frame = reenactor.render(CLOSE[2])
    height, width = frame.matte.shape
    stmap = np.dstack([frame.stmap / (width, height), np.zeros((height, width))])
    planes = [stmap, *(np.dstack([plane] * 3) for plane in (frame.matte, frame.confidence))]
    shown = [show(target, frame.colour), *(np.rint(np.clip(p, 0, 1) * 255).astype(np.uint8) for p in planes)]
    return [square(picture, 360) for picture in shown]


def show(target: TargetPicture, picture: np.ndarray) -> np.ndarray:
    """Return a picture as sRGB."""
    return COLOUR.to_display(picture[..., :3], target.space)


def square(picture: np.ndarray, side: int) -> np.ndarray:
    """Cut the middle square out and scale it."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return cv2.resize(picture[top : top + edge, left : left + edge], (side, side), interpolation=cv2.INTER_AREA)


def crop(picture: np.ndarray, points: np.ndarray, grow: float) -> np.ndarray:
    """Cut out the surroundings of points, three wide to two high."""
    x, y = (points.min(0) + points.max(0)) / 2
    half = np.ptp(points[:, 0]) / 2 * grow
    top, bottom, left, right = (round(v) for v in (y - half * 2 / 3, y + half * 2 / 3, x - half, x + half))
    return cv2.resize(picture[top:bottom, left:right], (330, 220), interpolation=cv2.INTER_CUBIC)


def write(name: str, rows: list[list[np.ndarray]]) -> None:
    """Write rows of pictures as one JPEG."""
    sheet = np.vstack([np.hstack(row) for row in rows])
    cv2.imwrite(str(OUT / name), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main([str(resource("demo", "target.jpg")), *sys.argv[1:]])
