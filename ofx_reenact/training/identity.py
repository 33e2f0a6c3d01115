"""Train a custom identity of a target from frames of the same person, and write the identity file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ofx_reenact.device import choose_device
from ofx_reenact.engine.input_digests import identity_made_of
from ofx_reenact.engine.inputs import read_target
from ofx_reenact.engine.make_identity import find_identity, make_painter, view_of
from ofx_reenact.errors import ReenactError
from ofx_reenact.fdgan.weights import load_repair
from ofx_reenact.fdgan.window import finer_for
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.media import find_media
from ofx_reenact.frames.sequence import Sequence as Frames
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.settings import Settings
from ofx_reenact.tracking.facemesh import FaceMesh
from ofx_reenact.training.distributed import refuse_several
from ofx_reenact.training.fdgan.custom import MOST, CustomResult, CustomSettings, train_custom
from ofx_reenact.training.fdgan.data.warped_pairs import Pair, make_pairs


@dataclass(frozen=True)
class IdentityReport:
    """Number of frames used (training and validation), number of frames without a face, and the result."""

    used: int
    faceless: int
    custom: CustomResult


def train_identity(
    settings: Settings,
    frames: str,
    custom: CustomSettings,
    observe: Callable[[int, float], None] = lambda step, loss: None,
) -> IdentityReport:
    """Fit the repair network to a person and write the identity file ``settings.identity``.

    Args:
        settings: target, identity file, weights, colour space.
        frames: clip or folder of pictures of the same person.
        custom: how to train.
        observe: called after each step with its number and loss.

    Raises:
        ReenactError: the target cannot be used, or too few frames can.
    """
    refuse_several("train identity")
    colour, device = Colour(), choose_device(settings.device)
    weights, fdgan = load_ldnet(settings.weights or None), load_repair(settings.fdgan_weights or None, device)
    target = read_target(settings, colour)
    identity = find_identity(settings, target, colour, weights)
    view = view_of(identity.face, target, colour)
    dictionary = make_painter(fdgan, device).write([view])
    pairs, faceless, count = [], 0, 0
    for found, pair in _pairs(view.show(), view.mesh, finer_for(view.head.scale, fdgan.finest), frames, colour):
        count += 1
        faceless += not found
        # No pair is made of a frame in which nothing moves or whose face leaves the picture.
        pairs += [pair] if pair is not None else []
    if faceless == count:
        raise ReenactError(f"{frames}: no face was found in any frame; give others")
    learned = train_custom(fdgan.network, dictionary, pairs, replace(custom, device=device), observe)
    person = replace(
        identity.person, dictionary=learned.dictionary, adapters=learned.adapters, fdgan_sha256=fdgan.sha256
    )
    made_of = identity_made_of(settings, target).text
    replace(identity, person=person, made_of=made_of).save(Path(settings.identity))
    return IdentityReport(len(pairs), faceless, learned)


def _pairs(
    target: np.ndarray, mesh: np.ndarray, finer: int, frames: str, colour: Colour
) -> Iterator[tuple[bool, Pair | None]]:
    """Carry the target to at most MOST frames, evenly chosen, and make a pair of each.

    ``target`` is display-encoded (H, W, 3) in [0, 1], ``mesh`` (478, 3) in its pixels; ``finer`` is a value of FINER.
    Yields for each frame whether a face was found in it, and the pair, or None.
    """
    clips = [Frames.open(path) for path in find_media([frames])]
    choices = [(clip, frame) for clip in clips for frame in clip.frames]
    tracker, previous = FaceMesh(), None
    for row in np.unique(np.linspace(0, len(choices) - 1, min(len(choices), MOST)).astype(int)):
        clip, frame = choices[row]
        if clip is not previous:
            tracker.reset()
        previous = clip
        shown = colour.show(clip.read(frame))
        track = tracker.track(shown, frame)
        if track is None or track.mesh is None:
            yield False, None
            continue
        made = make_pairs(target, mesh, shown.astype(np.float32) / 255, track.mesh, [finer])
        yield True, made[0] if made else None
