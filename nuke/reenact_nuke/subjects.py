"""The two whose faces are tracked: the driver, and a target that moves. Both are tracked alike and kept alike."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Tuple

from reenact_nuke import inputs, layout
from reenact_nuke.errors import ReenactError


class Subject(NamedTuple):
    """One who is tracked.

    Attributes:
        name: what the artist calls it.
        input: its number among the node's inputs.
        option: the engine's option, and the knob, that name its performance file.
        memory: the hidden knob that says what the performance was made from.
        file: what the performance is called beside the output.
    """

    name: str
    input: int
    option: str
    memory: str
    file: str


DRIVER = Subject("driver", inputs.DRIVER, "performance", layout.PREFIX + "tracked", "performance.npz")
TARGET = Subject(
    "target", inputs.TARGET, "target_performance", layout.PREFIX + "target_tracked", "target_performance.npz"
)
BOTH = (DRIVER, TARGET)

# A target is tracked as a driver is: what the engine's tracking calls it, and the target's option of that meaning.
_OF_TARGET: Tuple[Tuple[str, str], ...] = (
    ("driver", "target"), ("driver_colorspace", "colorspace"), ("driver_layer", "layer"), ("face", "target_face"),
    ("landmarks", "target_landmarks"), ("tracker", "tracker"), ("smoothing", "smoothing"), ("device", "device"),
)  # fmt: skip


def as_driver(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The engine's settings that track a target as they would a driver.

    Args:
        settings: of the render.

    Raises:
        ReenactError: the tracker reads landmarks from a file, and none is named for the target.
    """
    found = {name: settings[own] for name, own in _OF_TARGET if own in settings}
    if found.get("tracker") == "file" and "landmarks" not in found:
        raise ReenactError("target landmarks: name their file (JSON), which tracker 'file' needs of a target, too")
    return found
