"""Choose for each frame of a job which other frame or picture its mouth and eyes come from, or read the parts file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ofx_reenact.engine.make_identity import read_appearance_picture, view_of
from ofx_reenact.errors import SettingsError
from ofx_reenact.files import read_json, write_json
from ofx_reenact.frames.colour import Colour
from ofx_reenact.provenance import MadeOf
from ofx_reenact.provenance.analysis_files import check_made_from
from ofx_reenact.settings import Settings
from ofx_reenact.shot.choose_part_frames import OWN, PARTS, SCHEMA, Candidates, Choice, choose_parts
from ofx_reenact.shot.curves import animate
from ofx_reenact.shot.fit_moving_target import visibility_weight
from ofx_reenact.shot.identity import Identity
from ofx_reenact.shot.motion import Motion, region_weights
from ofx_reenact.shot.part_occlusion import estimate_part_occlusion
from ofx_reenact.shot.part_sources import NO_PART_SOURCES, PartSources
from ofx_reenact.shot.shot import Moving
from ofx_reenact.shot.view import View
from ofx_reenact.tracking.landmarks import MESH_POINTS
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.surface import FACE_POINTS

# Views of candidates that stay open: one for each of the three parts, and one more where a part changes its source.
OPEN_VIEWS = 4
# A frame is a candidate if its visibility weight (0 to 1) is at least this: the face is found and turned to the camera.
_FACING = 0.9


def choose_or_read_parts(
    settings: Settings,
    motion: Motion,
    identity: Identity,
    own: Performance | None,
    views: Moving | None,
    colour: Colour,
    made_of: MadeOf,
    *,
    fresh: bool = False,
) -> tuple[PartSources, str]:
    """Choose the frames that parts come from, or read them from the parts file if it exists.

    Args:
        settings: the job's settings.
        motion: what the face is to do.
        identity: the person's identity, with other pictures of them.
        own: the performance of a moving target; None for a still.
        views: the views of a moving target; None for a still.
        colour: the colour config.
        made_of: what the choice depends on; written into the file, and compared with an existing one.
        fresh: choose again although the file exists.

    Returns:
        The parts, and a note for the user; "" if there is none.

    Raises:
        SettingsError: the file names a frame or picture that is no candidate.
        TrackingError: the file was made for another target or driver.
        OutputError: the file cannot be written.
    """
    if settings.parts == "off" or settings.profile != "warp":
        return NO_PART_SOURCES, ""
    rows = dict(motion.rows)
    # The number of the shot, between two cuts, that each frame belongs to.
    segment = np.cumsum(own.cut) if own is not None else np.zeros(len(rows), int)
    candidates, names = _collect_candidates(identity, own, segment)
    if not candidates.usable.any():
        return NO_PART_SOURCES, ""
    path, note = Path(settings.parts_file), ""
    if settings.parts_file and path.exists() and not fresh:
        content = read_json(path, SCHEMA, what="parts file", error=SettingsError)
        note = check_made_from(path, "parts_file", str(content.get("made_of", "")), settings.target, made_of)
        known = [name if usable else "" for name, usable in zip(names, candidates.usable, strict=True)]
        choice = Choice.of_dict(content, list(rows), known, segment, path)
    else:
        choice = _choose(settings, motion, identity, own, candidates, segment)
        if settings.parts_file:
            write_json(path, {**choice.to_dict(list(rows), names), "made_of": made_of.text})
    return PartSources(rows, choice, tuple(names), _make_opener(identity, own, views, colour, settings.neck)), note


def _collect_candidates(
    identity: Identity, own: Performance | None, segment: np.ndarray
) -> tuple[Candidates, list[str]]:
    """Collect all pictures of the person and their names: the plate's frames first, then those of ``--appearance``.

    Pictures of ``--appearance`` have light 0, time NaN and segment -1.
    """
    tracker = identity.face.tracker
    faces = [one.face(row, tracker) for one in identity.references for row in range(len(one.frames))]
    names = [one.title(row) for one in identity.references for row in range(len(one.frames))]
    frontal = [np.stack([face.frontal for face in faces])] if faces else []
    rotation = [np.stack([face.head.rotation for face in faces])] if faces else []
    light, time, place = ([np.full(len(faces), value)] for value in (0.0, np.nan, -1))
    usable = [np.ones(len(faces), bool)]
    hidden = [np.zeros((len(faces), len(PARTS)))]
    if own is not None:
        names = [str(frame) for frame in own.frames] + names
        frontal.insert(0, own.frontal.astype(np.float64))
        rotation.insert(0, own.rotation)
        light.insert(0, own.light.astype(np.float64))
        time.insert(0, own.frames.astype(np.float64))
        place.insert(0, segment)
        shown = own.confident & (visibility_weight(own) >= _FACING)
        usable.insert(0, shown)
        hidden.insert(0, np.column_stack([estimate_part_occlusion(own.skin, part, shown) for part in PARTS]))
    if not frontal:
        frontal, rotation = [np.zeros((0, MESH_POINTS, 3))], [np.zeros((0, 3, 3))]
    gathered = (frontal, rotation, light, time, place, usable, hidden)
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
    animated = np.stack([moves[part] > 0 for part in PARTS], 1)
    return choose_parts(
        mine[:, :FACE_POINTS] + motion.expression, mine, candidate, animated, candidates, motion.heads.rotation, light,
        time, segment, gaze=motion.gaze,
    )  # fmt: skip


def _make_opener(
    identity: Identity, own: Performance | None, views: Moving | None, colour: Colour, neck: float
) -> Callable[[int], View]:
    """Return a function that opens the view of a candidate by its number."""
    count = 0 if own is None else len(own.frames)
    pictures = [(one, row) for one in identity.references for row in range(len(one.frames))]

    def open_picture(number: int) -> View:
        reference, row = pictures[number]
        face, picture = reference.face(row, identity.face.tracker), read_appearance_picture(reference, row, colour)
        return view_of(face, picture, colour, neck)

    others = Moving(open_picture, OPEN_VIEWS)

    def open_candidate(number: int) -> View:
        if own is not None and views is not None and number < count:
            return views.view(int(own.frames[number]))
        return others.view(number - count)

    return open_candidate
