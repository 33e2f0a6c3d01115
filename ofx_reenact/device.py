"""The device that networks run on and pictures are warped on: the CPU, or a GPU of CUDA or Metal."""

from __future__ import annotations

from ofx_reenact.errors import SettingsError

# As ``--device`` names them; Metal is called by torch's name for it.
DEVICES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str) -> str:
    """Return ``cpu``, ``cuda`` or ``mps``; ``auto`` takes CUDA where there is one.

    Raises:
        SettingsError: CUDA or Metal was asked for and is not there.
    """
    import torch

    if name == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("--device mps: torch finds no Metal device here; use --device cpu or auto")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("--device cuda: torch finds no CUDA device here; use --device cpu or auto")
    return name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


def name_of(device: str) -> str:
    """Return what a person calls a device: of CUDA, the card's name."""
    import torch

    return {"cpu": "cpu", "mps": "Metal"}.get(device) or str(torch.cuda.get_device_name())


def finish(device: str) -> None:
    """Wait until a device has done all that it was given: before a clock is read."""
    import torch

    if device != "cpu":
        {"cuda": torch.cuda, "mps": torch.mps}[device].synchronize()
