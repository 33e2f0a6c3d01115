"""Build the network to export from a target's identity file or picture."""

from __future__ import annotations

from pathlib import Path

import torch

from ofx_reenact.engine.inputs import read_target
from ofx_reenact.engine.make_identity import identify
from ofx_reenact.errors import SettingsError
from ofx_reenact.export.network import Exported
from ofx_reenact.fdgan.weights import load_repair
from ofx_reenact.frames.colour import Colour
from ofx_reenact.ldnet.weights import load_ldnet
from ofx_reenact.settings import Settings
from ofx_reenact.shot.identity import load_appearance
from ofx_reenact.shot.identity_check import check_taught
from ofx_reenact.shot.mouth_painter import MouthPainter


def build_network(settings: Settings) -> tuple[Exported, str]:
    """Build the network of a target from its identity file, or else from its picture.

    Returns:
        The network, and the SHA-256 of FD-GAN's weights.

    Raises:
        SettingsError: the settings name neither a target nor an identity file.
        WeightsError: the weights are not the repair network's, or the identity file was made with others.
        FrameError, TrackingError: the target cannot be read, shows no face, or is not the one of the identity file.
    """
    fdgan = load_repair(settings.fdgan_weights or None)
    if settings.identity and not settings.target:
        dictionary, adapters = load_appearance(Path(settings.identity), fdgan.sha256)
        check_taught(settings.identity, dictionary, adapters, fdgan)
    elif settings.target:
        colour = Colour()
        target = read_target(settings, colour)
        identity = identify(settings, target, colour, load_ldnet(settings.weights or None), fdgan)
        dictionary, adapters = identity.person.dictionary, dict(identity.person.adapters)
    else:
        raise SettingsError("--identity or --target is needed: the person whose network is exported")
    translator = MouthPainter(fdgan.network).with_adapters(adapters).network.translator
    return Exported(translator, [torch.from_numpy(values) for values in dictionary]), fdgan.sha256
