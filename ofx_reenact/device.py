"""The device that networks run on and pictures are warped on: the CPU, or a GPU by CUDA or Metal."""

from __future__ import annotations

from ofx_reenact.errors import SettingsError

# Values of ``--device``; "mps" is torch's name for Metal.
DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> str:
    """Return ``cpu``, ``cuda`` or ``mps``; ``auto`` becomes ``cuda`` if there is a CUDA device, else ``cpu``.

    Raises:
        SettingsError: ``cuda`` or ``mps`` is named, but torch finds no such device.
    """
    import torch

    if name == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("--device mps: torch finds no Metal device here; use --device cpu or auto")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    return name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def name_of(device: str) -> str:
    """Return a device's name to show to users: ``cpu``, ``Metal``, or the name of the CUDA card."""
    import torch

    return {"cpu": "cpu", "mps": "Metal"}.get(device) or str(torch.cuda.get_device_name())


def finish(device: str) -> None:
    """Wait until a device has finished all its work, so that time can be measured."""
    import torch

    if device != "cpu":
        {"cuda": torch.cuda, "mps": torch.mps}[device].synchronize()
