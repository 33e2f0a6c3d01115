"""Frames of a shot made of pictures that another program lends it, in place of those of the target's file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ofx_reenact.engine.loader import Loader
from ofx_reenact.engine.people import view_of, view_opener
from ofx_reenact.engine.plan import Seen
from ofx_reenact.frames.matte import Kept
from ofx_reenact.frames.picture import Picture
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.shot.shot import Moving, Shot, Still
from ofx_reenact.shot.teeth import find_mouth
from ofx_reenact.tracking.performance import State


def lend_picture(loader: Loader, settings: Settings, frame: int, picture: Picture) -> Shot:
    """Return a shot whose frame is made of a picture of the same format and colour space as the target's own.

    Where face, head and motion are is known from the target's file, and stays; so do parts that come from other frames.

    Args:
        loader: of the job.
        settings: of the job.
        frame: its number in the result.
        picture: as it is rendered, at the settings' proxy.
    """
    shot, plates = loader.shot, loader.plates
    if loader.plate is not None:
        own = plates.proxy.performance(loader.plate)
        opener = view_opener(plates.holding(frame, picture), own, settings, loader.colour)
        return replace(shot, target=Moving(opener, 1))

    def fit() -> Shot:
        identity, target = loader.identity, shot.target
        assert isinstance(target, Still)
        view = view_of(plates.proxy.face(identity.face), picture, loader.colour, settings.neck, device=loader.device)
        teeth = find_mouth(lambda: view, shot.painter, shot.person, settings, identity.other_meshes)
        return replace(shot, target=Still(view, target.necks), teeth=teeth)

    return loader.lent(hashlib.sha256(picture.pixels.data).hexdigest(), fit)


def make_one(shot: Shot, frame: int, picture: Picture, *, black: bool, kept: np.ndarray | None) -> Frame:
    """Make one frame as a render does.

    Args:
        shot: it belongs to.
        frame: its number.
        picture: it is made of.
        black: whether the driver has no face there, and black was asked for.
        kept: where the picture stays as it is, (H, W) float32 in [0, 1]; None for nowhere.
    """
    made = shot.black(frame) if black else shot.render(frame)
    return made if kept is None else made.keep(picture.pixels, kept)


def read_kept(loader: Loader, settings: Settings, frame: int) -> np.ndarray | None:
    """Read where the mattes of the settings keep the target in a frame, at its proxy; None where none is named.

    Raises:
        FrameError: a matte cannot be used.
    """
    plate = loader.target.plate
    kept = Kept.open(settings.holdout, settings.mask, [frame], plate.display_window, plate.data_window)
    return None if kept is None else loader.plates.proxy.reduce(kept.read(frame))


def states_of(loader: Loader, settings: Settings) -> Mapping[int, State]:
    """Return how the driver's face was found for each frame of the result."""
    return Seen.of(settings, loader.performance, loader.plate).states


def notes_of(loader: Loader) -> list[str]:
    """Return what the user should know of target, person and performance, each thing once."""
    return list(dict.fromkeys((*loader.target.plate.notes, *loader.identity.notes, *loader.notes)))
