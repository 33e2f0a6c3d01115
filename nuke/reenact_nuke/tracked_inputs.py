"""The two inputs whose faces are tracked: the driver, and a target that moves."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Tuple

from reenact_nuke import inputs, layout
from reenact_nuke.errors import ReenactError


class TrackedInput(NamedTuple):
    """An input whose face is tracked.

    Attributes:
        name: driver or target, as the artist reads it.
        number: its number among the node's inputs.
        option: the engine's option, and the knob, that name its performance file.
        memory_knob: the hidden knob with what the performance was tracked from.
        file_name: ending of the performance file beside the output.
    """

    name: str
    number: int
    option: str
    memory_knob: str
    file_name: str


DRIVER = TrackedInput("driver", inputs.DRIVER, "performance", layout.PREFIX + "tracked", "performance.npz")
TARGET = TrackedInput(
    "target", inputs.TARGET, "target_performance", layout.PREFIX + "target_tracked", "target_performance.npz"
)
BOTH = (DRIVER, TARGET)

# The engine tracks a target as if it were a driver: the driver's option, and the target's option with its value.
_DRIVER_FROM_TARGET: Tuple[Tuple[str, str], ...] = (
    ("driver", "target"), ("driver_colorspace", "colorspace"), ("driver_layer", "layer"), ("face", "target_face"),
    ("landmarks", "target_landmarks"), ("tracker", "tracker"), ("smoothing", "smoothing"), ("device", "device"),
)  # fmt: skip


def settings_as_driver(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """Give the engine's settings that track the target as a driver.

    Args:
        settings: of the render.

    Raises:
        ReenactError: the tracker reads landmarks from a file, and none is named for the target.
    """
    found = {name: settings[of_target] for name, of_target in _DRIVER_FROM_TARGET if of_target in settings}
    if found.get("tracker") == "file" and "landmarks" not in found:
        raise ReenactError("target landmarks: tracker 'file' needs a file (JSON) for the target too; name it there")
    return found
