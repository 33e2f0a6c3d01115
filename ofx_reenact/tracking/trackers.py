"""The trackers there are, by name."""

from __future__ import annotations

from ofx_reenact.errors import SettingsError
from ofx_reenact.tracking.tracker import Tracker


def make_tracker(name: str, *, face: int = 1, landmarks: str = "", device: str = "cpu") -> Tracker:
    """Make a tracker by name: ``mesh``, ``fan``, ``dlib`` or ``file``.

    Args:
        name: which.
        face: which face of several, by size in the first frame that has any; 1 is the largest.
        landmarks: JSON of hand-placed landmarks, for ``file``.
        device: where ``fan``'s networks run, ``cpu`` or ``cuda``; the others run on the CPU.

    Raises:
        SettingsError: no such tracker, or ``file`` without landmarks.
        TrackingError: its package or model files are missing.
    """
    if name == "mesh":
        from ofx_reenact.tracking.facemesh import FaceMesh

        return FaceMesh(face=face)
    if name == "fan":
        from ofx_reenact.tracking.fan import Fan

        return Fan(face=face, device=device)
    if name == "dlib":
        from ofx_reenact.tracking.dlib68 import Dlib68

        return Dlib68(face=face)
    if name == "file":
        from ofx_reenact.tracking.placed import Placed

        if not landmarks:
            raise SettingsError("--tracker file needs hand-placed landmarks: pass --landmarks NAME.json")
        return Placed(landmarks)
    raise SettingsError(f"--tracker {name}: choose from mesh, fan, dlib, file")


def terms_of(name: str) -> str:
    """Return what a tracker's weights may be used for; empty if anything goes."""
    from ofx_reenact.tracking.dlib68 import Dlib68
    from ofx_reenact.tracking.fan import Fan

    return {Dlib68.name: Dlib68.terms, Fan.name: Fan.terms}.get(name, "")
