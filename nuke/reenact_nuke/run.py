"""Functions of :mod:`reenact_nuke.buttons` under the module's earlier name, which older nodes and scripts call."""

from reenact_nuke.buttons import (
    analyse,
    apply_preset,
    export_landmarks,
    import_landmarks,
    next_version,
    press,
    preview,
    render,
    send_to_farm,
    show_curves,
    show_log,
)

__all__ = [
    "analyse", "apply_preset", "export_landmarks", "import_landmarks", "next_version", "press", "preview", "render",
    "send_to_farm", "show_curves", "show_log",
]  # fmt: skip
