"""Choosing the device, and the error for one that does not exist."""

import pytest
import torch

from ofx_reenact import device
from ofx_reenact.errors import SettingsError


def test_auto_chooses_a_device_that_exists(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [device.choose_device(name) for name in ("auto", "cpu")] == ["cpu", "cpu"]
    assert device.name_of("cpu") == "cpu"
    for name in ("cuda", "mps"):
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        with pytest.raises(SettingsError, match=f"--device {name}: torch finds no .* use --device cpu or auto"):
            device.choose_device(name)


def test_metal_is_used_only_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.choose_device("mps") == "mps" and device.choose_device("auto") == "cpu"
    waited = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    device.finish("cpu")
    device.finish("mps")
    assert waited == ["mps"] and device.name_of("mps") == "Metal"
