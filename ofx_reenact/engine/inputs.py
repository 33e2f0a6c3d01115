"""What a job reads before it renders: the target picture, its identity, the driver's performance."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from ofx_reenact.engine.made_of import Digest, identity_made_of, performance_made_of
from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.fdgan.weights import DenseWeights, PortraitWeights
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.picture import Picture, read_picture
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.preview import write_png
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.progress import Observer, Progress
from ofx_reenact.provenance import MadeOf
from ofx_reenact.provenance.kept import refuse_other
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Painter
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.mouth import MouthPainter
from ofx_reenact.shot.person import Face, Person
from ofx_reenact.shot.portrait import PortraitPainter
from ofx_reenact.shot.squeezed import stretch
from ofx_reenact.shot.view import View, display_for
from ofx_reenact.stages import stage
from ofx_reenact.tracking.analyse import analyse
from ofx_reenact.tracking.landmarks import MESH68
from ofx_reenact.tracking.overlay import draw_overlay
from ofx_reenact.tracking.performance import Performance, State
from ofx_reenact.tracking.trackers import make_tracker

# A face darker or brighter than this needs another exposure to be found; tried in this order.
EXPOSURES = (1.0, 4.0, 0.25, 16.0)

# LD-Net's identity codes of two pictures of one person are hardly ever further apart, neutral and smiling (1 in 100 of
# 102 people); those of two people are, three times in four.
ANOTHER = 0.25


def read_target(settings: Settings, colour: Colour) -> Picture:
    """Read the target picture; errors are those of :func:`~ofx_reenact.frames.picture.read_picture`."""
    return read_picture(settings.target, colour, settings.target_frame, settings.colorspace or None, settings.layer)


def identify(
    settings: Settings,
    target: Picture,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: DenseWeights | PortraitWeights | None = None,
) -> Identity:
    """Read the identity file if there is one, else make the identity (and write the file if one was named).

    The arguments are those of :func:`make_identity`.

    Raises:
        TrackingError: the file was made from another picture, or no face was found.
        WeightsError: the file is none, or made with other weights.
    """
    if settings.identity and Path(settings.identity).exists():
        path = Path(settings.identity)
        identity = Identity.load(path, weights, target.seen_size, fdgan.sha256 if fdgan else "")
        return check_identity(path, identity, identity_made_of(settings, target))
    identity = make_identity(settings, target, colour, weights, fdgan)
    if settings.identity:
        identity.save(Path(settings.identity))
    return identity


def make_identity(
    settings: Settings,
    target: Picture,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: DenseWeights | PortraitWeights | None = None,
    digest: Digest = sha256_of,
) -> Identity:
    """Find the face in the target and make its identity.

    Args:
        settings: of the job.
        target: what was read.
        colour: the config.
        weights: LD-Net's, which make the identity code.
        fdgan: FD-GAN's, which write the dictionary; None for none.
        digest: gives the SHA-256 of files.

    Raises:
        TrackingError: no face was found in the target, or in another picture of it.
    """
    identity = find_identity(settings, target, colour, weights)
    identity = replace(identity, made_of=identity_made_of(settings, target, digest).text)
    if fdgan is None:
        return identity
    views, notes = [view_of(identity.face, target, colour)], []
    for path in settings.appearance:
        other = replace(settings, target=path, target_frame=None, target_landmarks="", target_face=1, layer="")
        picture = read_target(other, colour)
        found = find_identity(other, picture, colour, weights)
        views.append(view_of(found.face, picture, colour))
        if float(np.linalg.norm(found.person.code - identity.person.code)) > ANOTHER:
            notes.append(f"--appearance {path}: this may be another person than in {settings.target}")
    dictionary = make_painter(fdgan, choose_device(settings.device)).write(views)
    person = replace(identity.person, dictionary=dictionary, fdgan_sha256=fdgan.sha256)
    return replace(identity, person=person, notes=tuple(notes))


def check_identity(path: Path, identity: Identity, asked: MadeOf) -> Identity:
    """Return an identity that was read from a file, with a note if the file cannot say what it was made from.

    Raises:
        TrackingError: it was made from another picture, or in another way, than is asked for.
    """
    note = refuse_other(path, "identity", identity.made_of, identity.face.picture, asked)
    return replace(identity, notes=(*identity.notes, note)) if note else identity


def make_painter(fdgan: DenseWeights | PortraitWeights, device: str, person: Person | None = None) -> Painter:
    """Return what paints with these weights, and with what a custom identity adds to them."""
    painter: Painter
    if isinstance(fdgan, PortraitWeights):
        painter = PortraitPainter(fdgan.network, fdgan.size, device)
    else:
        painter = MouthPainter(fdgan.network, device)
    return painter.teach(person.adapters if person else {})


def view_of(face: Face, target: Picture, colour: Colour, neck: float = Settings.neck) -> View:
    """Return a picture's view, as a shot carries it and FD-GAN sees it."""
    squeeze = target.squeeze
    pixels = stretch(target.pixels, squeeze)
    display = display_for(pixels, face.mesh, target.space, colour)
    return View(pixels, face, display, neck, None if squeeze.is_square else target.pixels, squeeze)


def find_identity(settings: Settings, target: Picture, colour: Colour, weights: LDNetWeights) -> Identity:
    """Find the face in a picture and make its identity, without a dictionary.

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
        aspect=target.squeeze.aspect,
    )
    for exposure in EXPOSURES:
        tracker.reset()
        shown = target.show(colour, exposure)
        with stage("track"):
            track = tracker.track(shown, target.frame)
        if track is not None:
            face = Face.of_track(track, shown, settings.tracker, target.plate.path.name)
            return Identity.of_face(face, weights)
    raise TrackingError(
        f"{target.plate.path}: no face was found in the target; choose a picture whose face is seen from the "
        "front, or place 68 landmarks by hand and pass --target-landmarks"
    )


def track_driver(
    settings: Settings,
    driver: Sequence,
    colour: Colour,
    observe: Observer,
    digest: Digest = sha256_of,
    tell: Callable[[str], None] = lambda note: None,
) -> Performance:
    """Track a whole driver sequence, reading ahead by one frame.

    Args:
        settings: tracker, face, landmarks, smoothing, colour space and device; a reference is kept in the performance.
        driver: to track.
        colour: the config.
        observe: called after each frame; when it raises, reading has ended too.
        digest: gives the SHA-256 of files.
        tell: called with each thing that the user should know of how the driver is read.

    Raises:
        TrackingError, FrameError: the driver cannot be read or shows no face.
    """
    device = choose_device(settings.device)
    first = driver.read(driver.frames.first, settings.driver_layer)
    aspect = Squeeze.of_plate(first).aspect
    tracker = make_tracker(
        settings.tracker, face=settings.face, landmarks=settings.landmarks, device=device, aspect=aspect
    )
    whole = FrameRange.parse(f"{driver.frames.first}-{driver.frames.last}")
    done = 0
    for note in dict.fromkeys((*driver.notes, *first.notes, *_colour_notes(first, settings, colour))):
        observe(Progress("driver", 0, len(whole), None, note))
        tell(note)
    # Before a frame is read: of files that change meanwhile, the digest is then not that of what is there later.
    made_of = performance_made_of(replace(settings, driver=driver.name), digest).text

    def on_frame(frame: int, found: bool) -> None:
        nonlocal done
        done += 1
        observe(Progress("driver", done, len(whole), frame, "" if found else "no face"))

    with contextlib.closing(ahead(driver_images(driver, whole, settings, colour))) as images:
        performance = analyse(
            images,
            tracker,
            name=driver.name,
            fps=driver.fps,
            smoothing=settings.smoothing,
            reference=settings.reference,
            on_frame=on_frame,
        )
    return replace(performance, made_of=made_of, aspect=aspect)


def _colour_notes(plate: Plate, settings: Settings, colour: Colour) -> list[str]:
    """Say what of a driver's colour tags could not be heeded."""
    space, reason = colour.choose(plate, settings.driver_colorspace or None)
    return [f"{plate.path}: taken to be {space} ({reason})"] if ";" in reason else []


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
        yield frame, colour.show(driver.read(frame, settings.driver_layer), settings.driver_colorspace or None)


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
