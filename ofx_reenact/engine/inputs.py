"""What a job reads before it renders: the target picture, its identity, the driver's performance."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ofx_reenact.errors import FrameError, SettingsError, TrackingError
from ofx_reenact.fdgan.weights import DenseWeights, PortraitWeights
from ofx_reenact.frames.colour import Colour, Display
from ofx_reenact.frames.plate import Plate, count_nonfinite
from ofx_reenact.frames.preview import write_png
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence, frame_path
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.settings import Settings
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.painter import Painter, Reference
from ofx_reenact.shot.portrait import PortraitPainter
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.landmarks import FACE_OVAL, MESH68
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.trackers import make_tracker

# A face darker or brighter than this needs another exposure to be found; tried in this order.
EXPOSURES = (1.0, 4.0, 0.25, 16.0)

# LD-Net's identity codes of two pictures of one person are hardly ever further apart, neutral and smiling (1 in 100 of
# 102 people); those of two people are, three times in four.
ANOTHER = 0.25


@dataclass(frozen=True)
class TargetPicture:
    """The target as it will be rendered.

    Attributes:
        plate: what was read.
        frame: its number in its own sequence.
        picture: (H, W, 3 or 4) float32 in ``space``.
        space: a scene-linear colour space: the file's own if it is one, else the config's.
        reason: why the file was taken to be in the colour space it was read in.
    """

    plate: Plate
    frame: int
    picture: np.ndarray
    space: str
    reason: str


def read_target(settings: Settings, colour: Colour) -> TargetPicture:
    """Read the target picture and bring it to a scene-linear space; one that is there already stays untouched.

    Raises:
        FrameError: it cannot be read, or has NaN or infinite pixels, which a warp would smear.
    """
    sequence = Sequence.open(settings.target)
    frame = sequence.frames.first if settings.target_frame is None else settings.target_frame
    plate = sequence.read(frame)
    nan, inf, first = count_nonfinite(plate)
    if first is not None:
        raise FrameError(
            f"{plate.path}: frame {frame} has {nan} NaN and {inf} infinite values, the first in channel {first[2]} "
            f"at ({first[0]}, {first[1]}); the warp would smear them, so clean the plate first"
        )
    space, reason = colour.choose(plate, settings.colorspace or None)
    rgb = plate.rgb
    if not colour.is_scene_linear(space):
        linear = colour.resolve("scene_linear")
        rgb = convert_associated(colour, rgb, plate.alpha, space, linear)
        space, reason = linear, f"{space} ({reason}), converted to {linear}"
    picture = rgb if plate.alpha is None else np.dstack([rgb, plate.alpha])
    return TargetPicture(plate, frame, np.ascontiguousarray(picture, np.float32), space, reason)


def convert_associated(colour: Colour, rgb: np.ndarray, alpha: np.ndarray | None, source: str, to: str) -> np.ndarray:
    """Convert colours that are multiplied with their alpha: a transfer curve must see them without it."""
    if alpha is None:
        return colour.convert(rgb, source, to)
    solid = np.where(alpha > 0, alpha, 1)[..., None]
    return colour.convert((rgb / solid).astype(np.float32), source, to) * solid


def identify(
    settings: Settings,
    target: TargetPicture,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: DenseWeights | PortraitWeights | None = None,
) -> Identity:
    """Read the identity file if there is one, else make the identity (and write the file if one was named).

    The arguments are those of :func:`make_identity`.
    """
    size = (target.picture.shape[1], target.picture.shape[0])
    if settings.identity and Path(settings.identity).exists():
        return Identity.load(Path(settings.identity), weights, size, fdgan.sha256 if fdgan else "")
    identity = make_identity(settings, target, colour, weights, fdgan)
    if settings.identity:
        identity.save(Path(settings.identity))
    return identity


def make_identity(
    settings: Settings,
    target: TargetPicture,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: DenseWeights | PortraitWeights | None = None,
) -> Identity:
    """Find the face in the target and make its identity.

    Args:
        settings: of the job.
        target: what was read.
        colour: the config.
        weights: LD-Net's, which make the identity code.
        fdgan: FD-GAN's, which write the dictionary; None for none.

    Raises:
        TrackingError: no face was found in the target, or in another picture of it.
    """
    identity = find_identity(settings, target, colour, weights)
    if fdgan is not None:
        references, notes = [reference_of(identity, target, colour)], []
        for path in settings.appearance:
            other = replace(settings, target=path, target_frame=None, target_landmarks="", target_face=1)
            picture = read_target(other, colour)
            found = find_identity(other, picture, colour, weights)
            references.append(reference_of(found, picture, colour))
            if float(np.linalg.norm(found.code - identity.code)) > ANOTHER:
                notes.append(f"--appearance {path}: this may be another person than in {settings.target}")
        dictionary = make_painter(fdgan, choose_device(settings.device)).write(references)
        identity = replace(identity, dictionary=dictionary, fdgan_sha256=fdgan.sha256, notes=tuple(notes))
    return identity


def make_painter(
    fdgan: DenseWeights | PortraitWeights, device: str, identity: Identity | None = None
) -> Painter | PortraitPainter:
    """Return what paints with these weights, and with what a custom identity adds to them."""
    if isinstance(fdgan, PortraitWeights):
        return PortraitPainter(fdgan.network, fdgan.size, device)
    return Painter(fdgan.network, device).taught(identity.adapters if identity else {})


def reference_of(identity: Identity, target: TargetPicture, colour: Colour) -> Reference:
    """See a picture of the target as FD-GAN's extractor does."""
    shown = display_of(identity, target, colour).encode(target.picture[..., :3])
    return Reference(shown, identity.mesh, identity.frontal, identity.head)


def display_of(identity: Identity, target: TargetPicture, colour: Colour) -> Display:
    """Return the display encoding of a target, exposed for its face."""
    return display_for(target.picture, identity.mesh, target.space, colour)


def display_for(picture: np.ndarray, mesh: np.ndarray, space: str, colour: Colour) -> Display:
    """Return the display encoding of a picture (H, W, 3 or 4) in a scene-linear space, exposed for the face in it."""
    inside = np.zeros(picture.shape[:2], np.uint8)
    oval = np.round(mesh[list(FACE_OVAL), :2]).astype(np.int32)
    cv2.fillPoly(inside, [oval], 1)
    return Display(colour, space, picture[inside > 0][:, :3])


def find_identity(settings: Settings, target: TargetPicture, colour: Colour, weights: LDNetWeights) -> Identity:
    """Find the face in a picture and make its identity code.

    Raises:
        TrackingError: no face was found.
    """
    placed = settings.target_landmarks
    if settings.tracker == "file" and not placed:
        raise SettingsError("--tracker file needs --target-landmarks as well, hand-placed on the target")
    tracker = make_tracker(
        "file" if placed else settings.tracker,
        face=settings.target_face,
        landmarks=placed,
        device=choose_device(settings.device),
    )
    track = None
    for exposure in EXPOSURES:
        tracker.reset()
        shown = colour.to_display(target.picture[..., :3], target.space, exposure=exposure)
        track = tracker.track(shown, target.frame)
        if track is not None:
            break
    if track is None:
        raise TrackingError(
            f"{target.plate.path}: no face was found in the target; choose a picture whose face is seen from the "
            "front, or place 68 landmarks by hand and pass --target-landmarks"
        )
    return Identity.of_track(track, shown, settings.tracker, weights, target.plate.path.name)


def track_driver(settings: Settings, driver: Sequence, colour: Colour, observe: Observer) -> Performance:
    """Track a whole driver sequence, reading ahead by one frame.

    Args:
        settings: tracker, face, landmarks, smoothing, colour space and device; a reference is kept in the performance.
        driver: to track.
        colour: the config.
        observe: called after each frame; when it raises, reading has ended too.

    Raises:
        TrackingError, FrameError: the driver cannot be read or shows no face.
    """
    device = choose_device(settings.device)
    tracker = make_tracker(settings.tracker, face=settings.face, landmarks=settings.landmarks, device=device)
    whole = FrameRange.parse(f"{driver.frames.first}-{driver.frames.last}")
    done = 0

    def on_frame(frame: int, found: bool) -> None:
        nonlocal done
        done += 1
        observe(Progress("driver", done, len(whole), frame, "" if found else "no face"))

    with contextlib.closing(ahead(driver_images(driver, whole, settings, colour))) as images:
        return analyse(
            images,
            tracker,
            name=driver.name,
            fps=driver.fps,
            smoothing=settings.smoothing,
            reference=settings.reference,
            on_frame=on_frame,
        )


def draw_overlays(driver: Sequence, performance: Performance, settings: Settings, colour: Colour, pattern: str) -> None:
    """Write the driver's frames as PNG with what was tracked drawn in.

    Raises:
        SettingsError: the pattern has no padding or is not PNG.
        OutputError: a picture cannot be written.
    """
    mesh = performance.mesh
    for row, (frame, image) in enumerate(driver_images(driver, FrameRange.of(performance.frames), settings, colour)):
        if image is not None:
            text = f"{frame}  {State(int(performance.state[row])).name.lower()}  {performance.confidence[row]:.2f}"
            landmarks = mesh[row, list(MESH68), :2]
            write_png(frame_path(pattern, frame, ".png"), draw_overlay(image, landmarks, mesh[row], text))


def driver_images(
    driver: Sequence, frames: FrameRange, settings: Settings, colour: Colour
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Yield (frame, (H, W, 3) uint8 for trackers), None where the frame does not exist."""
    present = set(driver.frames)
    for frame in frames:
        if frame not in present:
            yield frame, None
            continue
        yield frame, colour.show(driver.read(frame), settings.driver_colorspace or None)


def ahead(items: Iterator[tuple[int, np.ndarray | None]]) -> Generator[tuple[int, np.ndarray | None], None, None]:
    """Fetch each item in a thread while the one before it is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="read") as pool:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item


def choose_device(name: str) -> str:
    """Return ``cpu`` or ``cuda``; ``auto`` takes CUDA where there is one.

    Raises:
        SettingsError: CUDA was asked for and is not there.
    """
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    return name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
