"""Make the pictures of README and docs from the product itself.

    python docs/make_pictures.py [TARGET ...]

The demo's plate that moves comes first, then its target that is a picture; further targets should show people who do
not exist (SFHQ's samples).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ofx_reenact.api import Settings, Shot, open_shot, track_performance
from ofx_reenact.cli.demo import make_crop
from ofx_reenact.engine.cache import JobCache
from ofx_reenact.engine.inputs import driver_images
from ofx_reenact.engine.loader import Loader
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, read_picture
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.progress import ignore
from ofx_reenact.resources import resource
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.overlay import draw_overlay

OUT = Path(__file__).parent / "pictures"
COLOUR = Colour()
DRIVER = Sequence.open(resource("demo", "driver.mpg"))
SHOWN = (13, 20, 29, 36, 41, 51, 54)
CLOSE = (20, 41, 51, 56)
OPEN = (13, 19, 31, 50)
LOOKS = 30
# Of the plate that moves: it blinks, speaks while the driver is silent, and is silent while the driver speaks.
ACTED = (4, 10, 20, 36, 45, 49, 54)
EYES, MOUTH = list(MESH68[36:48]), list(MESH68[48:60])


def main(targets: list[str]) -> None:
    """Write every picture."""
    write("moving.jpg", moving())
    settings = Settings(driver=DRIVER.name)
    performance = track_performance(settings)
    images = driver_pictures(settings)
    made = [set_up(target) for target in targets]
    black = np.zeros((240, 240, 3), np.uint8)
    rows = [[black, *(square(images[frame], 240) for frame in SHOWN)]]
    rows += [
        [square(show(target, target.pixels), 240)]
        + [square(show(target, shot.render(frame).colour), 240) for frame in SHOWN]
        for target, shot, _ in made
    ]
    write("frames.jpg", rows)
    write("close.jpg", [row for one in made for row in close_ups(*one)])
    write("repair.jpg", [row for target in targets for row in repairs(target)])
    write("portraits.jpg", [portraits(target) for target in targets])
    write("layers.jpg", [layers(*made[0][:2])])
    write("gaze.jpg", [gazes(targets[:2][-1])])
    drawn = [
        draw_overlay(images[f], performance.mesh[f - 1, list(MESH68), :2], performance.mesh[f - 1], str(f))
        for f in CLOSE
    ]
    write("track.jpg", [drawn])


def moving() -> list[list[np.ndarray]]:
    """Return faces of the demo's moving pair: the driver, the plate, and the plate with the driver's performance."""
    loader = Loader(Settings(target=str(resource("demo", "plate.mpg")), driver=DRIVER.name), JobCache(), ignore)
    plates, shot = loader.plates, loader.shot
    theirs, own = make_crop(loader.performance.mesh), make_crop(loader.target_performance.mesh)
    rows = [
        [theirs(COLOUR.show(DRIVER.read(frame))) for frame in ACTED],
        [own(plates.picture(frame).show(COLOUR)) for frame in ACTED],
        [own(show(plates.first, shot.render(frame).colour)) for frame in ACTED],
    ]
    return [[cv2.resize(face, (280, 280), interpolation=cv2.INTER_CUBIC) for face in row] for row in rows]


def set_up(path: str, **options: Any) -> tuple[Picture, Shot, np.ndarray]:
    """Return a target, its shot with the demo's driver, and the face's mesh in it."""
    shot = open_shot(Settings(target=path, driver=DRIVER.name, **options))
    return read_picture(path, COLOUR), shot, shot.target.view(1).mesh


def driver_pictures(settings: Settings) -> dict[int, np.ndarray]:
    """Return the driver's frames as sRGB."""
    wanted = FrameRange.of({*SHOWN, *CLOSE})
    return {f: image for f, image in driver_images(DRIVER, wanted, settings, COLOUR) if image is not None}


def close_ups(target: Picture, shot: Shot, mesh: np.ndarray) -> list[list[np.ndarray]]:
    """Return eyes and mouth: of the target, then of frames."""
    pictures = [target.pixels, *(shot.render(frame).colour for frame in CLOSE)]
    shown = [show(target, picture) for picture in pictures]
    return [[crop(picture, mesh[part, :2], grow) for picture in shown] for part, grow in ((EYES, 1.4), (MOUTH, 2.2))]


def repairs(path: str) -> list[list[np.ndarray]]:
    """Return a target's mouth in frames: the warp alone, and repaired."""
    rows = []
    for repair in ("off", "on"):
        target, shot, mesh = set_up(path, repair=repair)
        pictures = [target.pixels, *(shot.render(frame).colour for frame in OPEN)]
        rows.append([crop(show(target, picture), mesh[MOUTH, :2], 2.2) for picture in pictures])
    return rows


def portraits(path: str) -> list[np.ndarray]:
    """Return a target, and frames in which the portrait network draws its portrait."""
    target, shot, _ = set_up(path, profile="portrait")
    pictures = [target.pixels, *(shot.render(frame).colour for frame in OPEN)]
    return [square(show(target, picture), 300) for picture in pictures]


def gazes(path: str) -> list[np.ndarray]:
    """Return a target's eyes as the driver's look, then turned by hand."""
    eyes = []
    for turned in ({}, {"gaze_y": -20}, {"gaze_y": 15}, {"gaze_x": 25}, {"gaze_right_x": 10, "gaze_left_x": -10}):
        target, shot, mesh = set_up(path, **turned)
        eyes.append(crop(show(target, shot.render(LOOKS).colour), mesh[EYES, :2], 1.3))
    return eyes


def layers(target: Picture, shot: Shot) -> list[np.ndarray]:
    """Return the layers of one frame side by side; the STMap as red and green."""
    frame = shot.render(CLOSE[2])
    height, width = frame.matte.shape
    stmap = np.dstack([frame.stmap / (width, height), np.zeros((height, width))])
    planes = [stmap, *(np.dstack([plane] * 3) for plane in (frame.matte, frame.confidence))]
    shown = [show(target, frame.colour), *(np.rint(np.clip(p, 0, 1) * 255).astype(np.uint8) for p in planes)]
    return [square(picture, 360) for picture in shown]


def show(target: Picture, picture: np.ndarray) -> np.ndarray:
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
