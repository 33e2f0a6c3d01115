"""Where mouth and eyes of a job's frames come from: candidates of the plate and of other pictures, chosen or read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ofx_reenact.engine.people import read_reference, view_of
from ofx_reenact.errors import SettingsError
from ofx_reenact.files import read_json, write_json
from ofx_reenact.frames.colour import Colour
from ofx_reenact.provenance import MadeOf
from ofx_reenact.provenance.kept import refuse_other
from ofx_reenact.settings import Settings
from ofx_reenact.shot.asked import strength
from ofx_reenact.shot.choice import OWN, PARTS, SCHEMA, Candidates, Choice, choose_parts
from ofx_reenact.shot.curves import animate
from ofx_reenact.shot.hidden import find_hidden
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.motion import Motion, region_weights
from ofx_reenact.shot.shot import Moving
from ofx_reenact.shot.taken import NO_PARTS, Parts
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import MESH_POINTS
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.surface import FACE_POINTS

# Views that parts are taken from which stay open: three parts, one of them changing over.
SOURCES = 4
# A frame shows a part if so much of what is asked of the face would be done in it.
_FACING = 0.9


def take_parts(
    settings: Settings,
    motion: Motion,
    identity: Identity,
    own: Performance | None,
    plate: Moving | None,
    colour: Colour,
    made_of: MadeOf,
    *,
    fresh: bool = False,
) -> tuple[Parts, str]:
    """Choose the frames that parts come from, or read the file that says so.

    Args:
        settings: of the job.
        motion: what the face is asked to do.
        identity: of the person, with other pictures of them.
        own: the performance of a plate that moves; None for a still.
        plate: its views.
        colour: the config.
        made_of: what the choice depends on.
        fresh: choose anew though the file is there.

    Returns:
        The parts, and a note for the user; "" if there is none.

    Raises:
        SettingsError: the file names what there is not.
        TrackingError: it was made for another target or driver.
        OutputError: it cannot be written.
    """
    if settings.parts == "off" or settings.profile != "warp":
        return NO_PARTS, ""
    rows = dict(motion.rows)
    segment = np.cumsum(own.cut) if own is not None else np.zeros(len(rows), int)
    candidates, names = _candidates(identity, own, segment)
    if not candidates.usable.any():
        return NO_PARTS, ""
    path, note = Path(settings.parts_file), ""
    if settings.parts_file and path.exists() and not fresh:
        said = read_json(path, SCHEMA, what="parts file", error=SettingsError)
        note = refuse_other(path, "parts_file", str(said.get("made_of", "")), settings.target, made_of)
        known = [name if usable else "" for name, usable in zip(names, candidates.usable, strict=True)]
        choice = Choice.of_dict(said, list(rows), known, segment, path)
    else:
        choice = _choose(settings, motion, identity, own, candidates, segment)
        if settings.parts_file:
            write_json(path, {**choice.to_dict(list(rows), names), "made_of": made_of.text})
    return Parts(rows, choice, tuple(names), _opener(identity, own, plate, colour, settings.neck)), note


def _candidates(
    identity: Identity, own: Performance | None, segment: np.ndarray
) -> tuple[Candidates, list[str]]:
    """Gather all pictures of the person: the plate's frames, then the references'."""
    tracker = identity.face.tracker
    faces = [one.face(row, tracker) for one in identity.references for row in range(len(one.frames))]
    names = [one.title(row) for one in identity.references for row in range(len(one.frames))]
    frontal = [np.stack([face.frontal for face in faces])] if faces else []
    rotation = [np.stack([face.head.rotation for face in faces])] if faces else []
    light, time, where = ([np.full(len(faces), value)] for value in (0.0, np.nan, -1))
    usable = [np.ones(len(faces), bool)]
    hidden = [np.zeros((len(faces), len(PARTS)))]
    if own is not None:
        names = [str(frame) for frame in own.frames] + names
        frontal.insert(0, own.frontal.astype(np.float64))
        rotation.insert(0, own.rotation)
        light.insert(0, own.light.astype(np.float64))
        time.insert(0, own.frames.astype(np.float64))
        where.insert(0, segment)
        shown = own.sure & (strength(own) >= _FACING)
        usable.insert(0, shown)
        hidden.insert(0, np.column_stack([find_hidden(own.skin, part, shown) for part in PARTS]))
    if not frontal:
        frontal, rotation = [np.zeros((0, MESH_POINTS, 3))], [np.zeros((0, 3, 3))]
    gathered = (frontal, rotation, light, time, where, usable, hidden)
    return Candidates(*(np.concatenate(values) for values in gathered)), names


def _choose(
    settings: Settings, motion: Motion, identity: Identity, own: Performance | None, candidates: Candidates,
    segment: np.ndarray,
) -> Choice:  # fmt: skip
    count = len(motion.rows)
    if own is not None:
        mine, candidate = candidates.frontal[:count], np.arange(count)
        light, time = candidates.light[:count], candidates.time[:count]
    else:
        mine = np.broadcast_to(identity.face.frontal, (count, MESH_POINTS, 3))
        candidate = np.full(count, OWN)
        light, time = np.zeros(count), np.array(list(motion.rows), np.float64)
    weights = region_weights(animate(settings, motion.rows))
    moves = {"mouth": weights["mouth"] + weights["jaw"], **{eye: weights[eye] for eye in PARTS[1:]}}
    asked = np.stack([moves[part] > 0 for part in PARTS], 1)
    return choose_parts(
        mine[:, :FACE_POINTS] + motion.expression, mine, candidate, asked, candidates, motion.heads.rotation, light,
        time, segment, gaze=motion.gaze,
    )  # fmt: skip


def _opener(
    identity: Identity, own: Performance | None, plate: Moving | None, colour: Colour, neck: float
) -> Callable[[int], View]:
    """Return what opens the view of a candidate."""
    count = 0 if own is None else len(own.frames)
    places = [(one, row) for one in identity.references for row in range(len(one.frames))]

    def open_reference(number: int) -> View:
        reference, row = places[number]
        return view_of(reference.face(row, identity.face.tracker), read_reference(reference, row, colour), colour, neck)

    others = Moving(open_reference, SOURCES)

    def open_candidate(number: int) -> View:
        if own is not None and plate is not None and number < count:
            return plate.view(int(own.frames[number]))
        return others.view(number - count)

    return open_candidate
