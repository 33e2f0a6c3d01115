"""The identity file: what it keeps, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from ofx_reenact.errors import TrackingError, WeightsError
from ofx_reenact.shot.identity import Identity


def test_identity_errors(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    with pytest.raises(TrackingError, match="the target is 10×10"):
        Identity.load(path, weights, (10, 10))
    with pytest.raises(WeightsError, match="other LD-Net weights"):
        Identity.load(path, dataclasses.replace(weights, sha256="0"), identity.face.size)
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        Identity.load(path, weights, identity.face.size)


def test_identity_files_keep_the_headroom(identity, weights, tmp_path):
    path = tmp_path / "i.safetensors"
    identity.save(path)
    assert np.array_equal(Identity.load(path, weights, identity.face.size).face.headroom, identity.face.headroom)
    dataclasses.replace(identity, face=dataclasses.replace(identity.face, headroom=None)).save(path)
    assert Identity.load(path, weights, identity.face.size).face.headroom is None
