"""Make the identity of the person to animate, from a picture or a whole plate and from other pictures of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ofx_reenact.device import choose_device
from ofx_reenact.engine.choose_face import choose_in_still
from ofx_reenact.engine.input_digests import Digest, identity_made_of
from ofx_reenact.engine.inputs import read_target, track_driver
from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.fdgan.weights import PortraitWeights, RepairWeights
from ofx_reenact.files import sha256_of
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import Picture, read_picture
from ofx_reenact.frames.sequence import Sequence as Files
from ofx_reenact.ldnet.retarget import identity_code
from ofx_reenact.ldnet.weights import LDNetWeights
from ofx_reenact.ops.backend import ops_for
from ofx_reenact.progress import ignore
from ofx_reenact.provenance import MadeOf
from ofx_reenact.provenance.analysis_files import check_made_from
from ofx_reenact.settings import Settings
from ofx_reenact.shot.curves import animate
from ofx_reenact.shot.frame import Painter
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.mouth_painter import MouthPainter
from ofx_reenact.shot.person import AppearanceSource, Face, Person
from ofx_reenact.shot.pixel_aspect import to_square_pixels
from ofx_reenact.shot.portrait_painter import PortraitPainter
from ofx_reenact.shot.view import View, display_for
from ofx_reenact.stages import stage
from ofx_reenact.tracking.chosen import LARGEST
from ofx_reenact.tracking.face_look import STRANGER, UNLIKE, describe_look, likeness
from ofx_reenact.tracking.landmarks import LIPS_INNER, MESH68
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.rest import Rest
from ofx_reenact.tracking.surface import measure_gap
from ofx_reenact.tracking.trackers import make_tracker

# Factors on a picture's brightness, tried in this order until a face is found: dark or bright pictures need them.
EXPOSURES = (1.0, 4.0, 0.25, 16.0)

# Two pictures may show different people if LD-Net's identity codes are further apart than this. Measured on 102 people:
# 1 in 100 pairs of one person (neutral and smiling) is further apart, and 3 in 4 pairs of two people are.
_OTHER_PERSON = 0.25
# FD-GAN's dictionary is written from the plate's frames at these quantiles of the mouth's opening.
_PLATE_QUANTILES = (0.0, 0.5, 0.8, 0.95, 1.0)
# The same for footage in ``--appearance``.
_FOOTAGE_QUANTILES = (0.0, 0.5, 1.0)


def identify(
    settings: Settings,
    target: Picture,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: RepairWeights | PortraitWeights | None = None,
) -> Identity:
    """Read the identity file if it exists; else make the identity, and write the file if the settings name one.

    The arguments are those of :func:`make_identity`.

    Raises:
        TrackingError: the file was made from another picture, or no face was found.
        WeightsError: the file is no identity file, or was made with other weights.
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
    fdgan: RepairWeights | PortraitWeights | None = None,
    digest: Digest = sha256_of,
) -> Identity:
    """Find the face in the target and make its identity.

    Args:
        settings: the job's settings.
        target: the target's picture at full resolution.
        colour: the colour config.
        weights: LD-Net's weights, which make the identity code.
        fdgan: FD-GAN's weights, which write the dictionary; None for no dictionary.
        digest: returns the SHA-256 of files.

    Raises:
        TrackingError: no face was found in the target, or in an appearance picture.
    """
    identity = find_identity(settings, target, colour, weights)
    identity = replace(identity, made_of=identity_made_of(settings, target, digest).text)
    identity = _add_appearance_pictures(identity, settings, colour, weights, target)
    if fdgan is None:
        return identity
    return write_dictionary(identity, [view_of(identity.face, target, colour)], settings, colour, fdgan)


def make_moving_identity(
    settings: Settings,
    plates: Plates,
    performance: Performance,
    rest: Rest,
    colour: Colour,
    weights: LDNetWeights,
    fdgan: RepairWeights | PortraitWeights | None = None,
    digest: Digest = sha256_of,
) -> Identity:
    """Make the identity of the person in a moving target, from the rest face and several frames.

    Args:
        settings: the job's settings.
        plates: the target's pictures.
        performance: the person's performance in them.
        rest: the person's face at rest.
        colour: the colour config.
        weights: LD-Net's weights, which make the identity code.
        fdgan: FD-GAN's weights, which write the dictionary; None for no dictionary.
        digest: returns the SHA-256 of files.

    Raises:
        TrackingError: no face was found in an appearance picture.
        FrameError: a picture cannot be read.
    """
    calm = int(rest.frames[0]) - int(performance.frames[0])
    face = Face.of_performance(performance, calm, plates.sequence.path(int(rest.frames[0])).name)
    code = identity_code(weights, rest.face[list(MESH68), :2])
    person = Person(rest.face, performance.tracker, code, weights.sha256)
    identity = Identity(person, face, made_of=identity_made_of(settings, plates, digest).text)
    identity = _add_appearance_pictures(identity, settings, colour, weights, plates.full_picture(int(rest.frames[0])))
    if fdgan is None:
        return identity
    certain = np.nonzero(performance.confident)[0]
    rows = rows_by_opening(performance.frontal[certain if len(certain) else [calm]], _PLATE_QUANTILES)
    views = []
    for row in (certain[rows] if len(certain) else [calm]):
        picture = plates.full_picture(int(performance.frames[row]))
        views.append(view_of(Face.of_performance(performance, row), picture, colour))
    return write_dictionary(identity, views, settings, colour, fdgan)


def write_dictionary(
    identity: Identity,
    views: Sequence[View],
    settings: Settings,
    colour: Colour,
    fdgan: RepairWeights | PortraitWeights,
) -> Identity:
    """Return an identity with FD-GAN's dictionary, written from views and from the identity's appearance pictures."""
    shown = list(views)
    for reference in identity.references:
        faces = [reference.face(row, identity.face.tracker) for row in range(len(reference.frames))]
        for row in rows_by_opening(np.stack([face.frontal for face in faces]), _FOOTAGE_QUANTILES):
            shown.append(view_of(faces[row], read_appearance_picture(reference, row, colour), colour))
    dictionary = make_painter(fdgan, choose_device(settings.device)).write(shown)
    return replace(identity, person=replace(identity.person, dictionary=dictionary, fdgan_sha256=fdgan.sha256))


def rows_by_opening(frontal: np.ndarray, fractions: Sequence[float]) -> list[int]:
    """Return the rows of frontal meshes (F, 468 or more, 3) at these quantiles of mouth opening, sorted, each once."""
    order = np.argsort(measure_gap(frontal, LIPS_INNER), kind="stable")
    return sorted({int(order[round(fraction * (len(order) - 1))]) for fraction in fractions})


def _add_appearance_pictures(
    identity: Identity, settings: Settings, colour: Colour, weights: LDNetWeights, target: Picture
) -> Identity:
    """Add the faces in the pictures and footage of ``--appearance`` to the identity of the person in ``target``.

    The identity's notes name pictures that may show another person.

    Raises:
        TrackingError: one of them shows no face, or clearly another person's.
    """
    if not settings.appearance:
        return identity
    found, notes = [], []
    look = describe_look(target.show(colour), identity.face.mesh)
    for path in settings.appearance:
        files = Files.open(path)
        other = replace(settings, target=path, target_frame=None, target_landmarks="", target_face="1", layer="")
        if len(files.frames) == 1:
            picture = read_target(other, colour)
            face = find_identity(other, picture, colour, weights).face
            size, frames, mesh, frontal = picture.seen_size, np.array([picture.frame]), face.mesh[None], face.frontal
        else:
            job = replace(target_as_driver(other), driver_colorspace="", smoothing=settings.smoothing)
            seen = track_driver(job, files, colour, ignore)
            good = seen.confident
            if not good.any():
                raise TrackingError(f"--appearance {path}: no face was found with enough confidence; leave it out")
            size, frames, mesh = seen.size, seen.frames[good], seen.mesh[good]
            frontal = np.median(seen.frontal[good], axis=0)
            picture = read_target(replace(other, target_frame=int(frames[0])), colour)
        found.append(AppearanceSource(path, frames.astype(np.int64), mesh.astype(np.float32), size))
        code = identity_code(weights, frontal[list(MESH68), :2])
        apart = float(np.linalg.norm(code - identity.person.code))
        theirs = describe_look(picture.show(colour), mesh[0])
        alike = likeness(theirs, [look]) if theirs.is_usable and look.is_usable else 1.0
        if alike < STRANGER:
            raise TrackingError(
                f"--appearance {path}: this is another person than in {settings.target}, by the look of the face; "
                "leave it out, or take a picture in a light more like the target's"
            )
        if apart > _OTHER_PERSON or alike < UNLIKE:
            notes.append(f"--appearance {path}: this may be another person than in {settings.target}")
    return replace(identity, references=tuple(found), notes=tuple(notes))


def read_appearance_picture(reference: AppearanceSource, row: int, colour: Colour) -> Picture:
    """Read one appearance picture, at full resolution.

    Raises:
        FrameError: it cannot be read.
    """
    return read_picture(reference.name, colour, int(reference.frames[row]))


def target_as_driver(settings: Settings) -> Settings:
    """Return settings that track a moving target as if it were the driver."""
    return replace(
        settings, driver=settings.target, performance=settings.target_performance, landmarks=settings.target_landmarks,
        face=settings.target_face, driver_colorspace=settings.colorspace, driver_layer=settings.layer, reference=None,
    )  # fmt: skip


def check_identity(path: Path, identity: Identity, expected: MadeOf) -> Identity:
    """Compare what an identity file was made from with the job; add a note if it is unknown or options differ.

    Raises:
        TrackingError: it was made from other pictures.
    """
    note = check_made_from(path, "identity", identity.made_of, identity.face.picture, expected)
    return replace(identity, notes=(*identity.notes, note)) if note else identity


def make_painter(fdgan: RepairWeights | PortraitWeights, device: str, person: Person | None = None) -> Painter:
    """Return the painter of these weights, with the trained adapters of the person if there are any."""
    painter: Painter
    if isinstance(fdgan, PortraitWeights):
        painter = PortraitPainter(fdgan.network, fdgan.size, device)
    else:
        painter = MouthPainter(fdgan.network, device, fdgan.finest)
    return painter.with_adapters(person.adapters if person else {})


def view_of(
    face: Face,
    target: Picture,
    colour: Colour,
    neck: float = Settings.neck,
    seed: int = 0,
    device: str = "cpu",
) -> View:
    """Return the view of a picture and its face, with its pixels on a device; each ``seed`` gives other grain."""
    squeeze = target.squeeze
    pixels = to_square_pixels(target.pixels, squeeze)
    display = display_for(pixels, face.mesh, target.space, colour)
    file, ops = None if squeeze.is_square else target.pixels, ops_for(device)
    return View(pixels, face, display, neck, file, squeeze, seed, ops)


def view_opener(
    plates: Plates, performance: Performance, settings: Settings, colour: Colour
) -> Callable[[int], View]:
    """Return a function that opens the view of a plate's frame; ``performance`` must be in the proxy's coordinates."""
    first, device = int(performance.frames[0]), choose_device(settings.device)
    necks = animate(settings, performance.frames.tolist()).of("neck").tolist()

    def open_view(frame: int) -> View:
        row = frame - first
        return view_of(
            Face.of_performance(performance, row), plates.picture(frame), colour, necks[row], frame, device
        )  # fmt: skip

    return open_view


def find_identity(settings: Settings, target: Picture, colour: Colour, weights: LDNetWeights) -> Identity:
    """Find the face in a picture and make its identity, without a dictionary.

    Raises:
        TrackingError: no face was found.
        SettingsError: ``--tracker file`` is set without landmarks of the target.
    """
    landmarks = settings.target_landmarks
    if settings.tracker == "file" and not landmarks:
        raise SettingsError("--tracker file needs --target-landmarks as well, placed on the target by hand")
    name = "file" if landmarks else settings.tracker
    device, chosen, tracker = choose_device(settings.device), LARGEST, None
    for exposure in EXPOSURES:
        shown = target.show(colour, exposure)
        before, chosen = chosen, choose_in_still(settings, shown, target.plate, target.frame, colour)
        if tracker is None or chosen != before:
            tracker = make_tracker(name, face=chosen, landmarks=landmarks, device=device, aspect=target.squeeze.aspect)
        tracker.reset()
        with stage("track"):
            track = tracker.track(shown, target.frame)
        if track is not None:
            face = Face.of_track(track, shown, settings.tracker, target.plate.path.name)
            return Identity.of_face(face, weights)
    raise TrackingError(
        f"{target.plate.path}: no face was found in the target; choose a picture whose face is seen from the "
        "front, or place 68 landmarks by hand and pass --target-landmarks"
    )


