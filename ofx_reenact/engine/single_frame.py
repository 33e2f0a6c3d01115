"""Render single frames on request, from the target's own picture or from one that a host gives instead.

A render job uses :mod:`ofx_reenact.engine.render_job` instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.make_identity import view_of, view_opener
from ofx_reenact.engine.plan import DriverStates
from ofx_reenact.frames.matte import Protection
from ofx_reenact.frames.picture import Picture
from ofx_reenact.settings import Settings
from ofx_reenact.shot.add_teeth import find_mouth
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Moving, Shot, Still
from ofx_reenact.tracking.performance import State


def with_host_picture(loader: Loader, settings: Settings, frame: int, picture: Picture) -> Shot:
    """Return the job's shot with a host's picture in place of the target's own in one frame.

    Face, head and motion stay those that were tracked in the target's file; parts still come from the file's frames.

    Args:
        loader: the job's loader.
        settings: the job's settings.
        frame: number of the frame in the result.
        picture: the host's picture, at the settings' proxy, in the target's format and colour space.
    """
    shot, plates = loader.shot, loader.plates
    if loader.target_performance is not None:
        own = plates.proxy.performance(loader.target_performance)
        opener = view_opener(plates.with_picture(frame, picture), own, settings, loader.colour)
        return replace(shot, target=Moving(opener, 1))

    def fit() -> Shot:
        identity, target = loader.identity, shot.target
        assert isinstance(target, Still)
        view = view_of(plates.proxy.face(identity.face), picture, loader.colour, settings.neck, device=loader.device)
        teeth = find_mouth(lambda: view, shot.painter, shot.person, settings, identity.other_meshes)
        return replace(shot, target=Still(view, target.necks), teeth=teeth)

    return loader.host_shot(hashlib.sha256(picture.pixels.data).hexdigest(), fit)


def render_one(shot: Shot, frame: int, picture: Picture, *, black: bool, unchanged: np.ndarray | None) -> Frame:
    """Render one frame exactly as a render job does.

    Args:
        shot: the shot.
        frame: number of the frame.
        picture: the picture that the shot has in this frame.
        black: render black, because the driver has no face there and ``--missing black`` is set.
        unchanged: where the picture stays as it is, (H, W) float32 in [0, 1]; None if nowhere.
    """
    made = shot.black(frame) if black else shot.render(frame)
    return made if unchanged is None else made.keep_plate(picture.pixels, unchanged)


def read_keep_mattes(loader: Loader, settings: Settings, frame: int) -> np.ndarray | None:
    """Read where ``--holdout`` and ``--mask`` keep the target unchanged in a frame, at the proxy's resolution.

    Returns:
        (H, W) float32 in [0, 1]; None if no matte is named.

    Raises:
        FrameError: a matte cannot be used.
    """
    plate = loader.target.plate
    protection = Protection.open(settings.holdout, settings.mask, [frame], plate.display_window, plate.data_window)
    return None if protection is None else loader.plates.proxy.reduce(protection.read(frame))


def face_states(loader: Loader, settings: Settings) -> Mapping[int, State]:
    """Return how the driver's face was found, for each frame of the result."""
    return DriverStates.of(settings, loader.performance, loader.target_performance).states


def collect_notes(loader: Loader) -> list[str]:
    """Return the notes on target, person and performance for the user, without repetitions."""
    return list(dict.fromkeys((*loader.target.plate.notes, *loader.identity.notes, *loader.notes)))
