"""Landmarks to a Tracker node and back.

In Nuke y goes up, and (0, 0) is the lower left corner of the picture. In the engine y goes down, and (0, 0) is the
centre of the upper left pixel.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import nuke
from reenact_nuke import layout, options, tracked_inputs, tracker_node
from reenact_nuke.errors import ReenactError
from reenact_nuke.tracked_inputs import TrackedInput

SCHEMA = "ofx-reenact/landmarks/1"
# Pixels; a point that differs by less counts as not moved.
NEAR = 0.01
# Regions of the 68 points in order, with their number of points; right and left are the person's.
REGIONS = (
    ("jaw", 17), ("brow_right", 5), ("brow_left", 5), ("nose", 9), ("eye_right", 6), ("eye_left", 6), ("mouth", 20),
)  # fmt: skip
NAMES = tuple(f"{region} {index}" for region, count in REGIONS for index in range(count))
COUNT = len(NAMES)
# A Tracker's hidden knob: driver or target, whose landmarks it has.
OWNER_KNOB = layout.PREFIX + "of"

Points = List[List[float]]


class Keys:
    """Landmarks that somebody placed.

    Attributes:
        frames: frame → index of the landmark → (x, y) in pixels.
        of_nuke: the pixels are Nuke's; else the engine's.
    """

    def __init__(self, frames: Dict[int, Dict[int, Tuple[float, float]]], of_nuke: bool) -> None:
        self.frames, self.of_nuke = frames, of_nuke


def to_nuke(x: float, y: float, height: int) -> Tuple[float, float]:
    """Convert the engine's pixels to Nuke's, in a picture of the given height."""
    return x + 0.5, height - y - 0.5


def from_nuke(x: float, y: float, height: int) -> Tuple[float, float]:
    """Convert Nuke's pixels to the engine's, in a picture of the given height."""
    return x - 0.5, height - y - 0.5


def chosen_input(node: Any) -> TrackedInput:
    """Give the input that *landmarks of* names; the driver with a node of an earlier version."""
    knob = node.knob(layout.PREFIX + "landmarks_of")
    name = knob.value() if knob is not None else tracked_inputs.DRIVER.name
    return next(tracked for tracked in tracked_inputs.BOTH if tracked.name == name)


def make_tracker(node: Any, tracked: TrackedInput, found: Dict[str, Any]) -> Any:
    """Make a Tracker with a track for each landmark, keyed in every frame of the engine's answer to ``landmarks``."""
    height = int(found["size"][1])
    frames = {int(frame): [to_nuke(x, y, height) for x, y in points] for frame, points in found["frames"].items()}
    whose = "" if tracked == tracked_inputs.DRIVER else tracked.name + "_"
    made = nuke.nodes.Tracker4(name=f"{node.name()}_{whose}landmarks")
    made["tracks"].fromScript(tracker_node.tracks_script(NAMES, frames))
    owner = nuke.String_Knob(OWNER_KNOB, "")
    owner.setFlag(nuke.INVISIBLE)
    made.addKnob(owner)
    owner.setValue(tracked.name)
    made.setInput(0, node.input(tracked.number))
    made.setXYpos(node.xpos() + 150, node.ypos())
    return made


def choose_source() -> Optional[Any]:
    """Give the selected Tracker, else the path of a JSON file that the artist chooses; None if they cancel.

    Raises:
        ReenactError: several Trackers are selected; in a terminal, none is.
    """
    selected = [other for other in nuke.selectedNodes() if other.Class() == "Tracker4"]
    if len(selected) == 1:
        return selected[0]
    if len(selected) > 1:
        raise ReenactError("Several Trackers are selected: select only the one with the landmarks")
    if not nuke.GUI:
        raise ReenactError("Select a Tracker, or name a Tracker or JSON file: buttons.import_landmarks(node, source)")
    return nuke.getFilename("Landmarks", "*.json")


def read_source(source: Any, tracked: TrackedInput) -> Keys:
    """Read the landmarks of a Tracker4 node or a JSON file.

    Args:
        source: the node or the path.
        tracked: whose landmarks they must be.

    Raises:
        ReenactError: it has no landmarks, or those of the other input.
    """
    if isinstance(source, str):
        return _read_file(source)
    owner = source.knob(OWNER_KNOB)
    if owner is not None and owner.value() not in ("", tracked.name):
        raise ReenactError(
            f"{source.name()} has the landmarks of the {owner.value()}: set 'landmarks of' to {owner.value()} to "
            "import it"
        )
    tracks = tracker_node.read_tracks(source)
    frames: Dict[int, Dict[int, Tuple[float, float]]] = {}
    for index, name in enumerate(NAMES):
        for frame, point in tracks.get(name, {}).items():
            frames.setdefault(frame, {})[index] = point
    if not frames:
        raise ReenactError(
            f"{source.name()} has no track with a landmark's name ('{NAMES[0]}', ...): press Export landmarks, and "
            "move the points of that Tracker"
        )
    return Keys(frames, True)


def moved_frames(known: Dict[str, Any], keys: Keys) -> Dict[str, Points]:
    """Find the frames in which a point was moved; points without a key keep their place in the performance.

    Args:
        known: the engine's answer to ``landmarks``, of all frames.
        keys: the points that were placed.

    Returns:
        Frame → 68 points in the engine's pixels, for the engine's ``place``; only frames of the performance.
    """
    height = int(known["size"][1])
    found = {}
    for frame, placed in sorted(keys.frames.items()):
        points = known["frames"].get(str(frame))
        if points is None:
            continue
        moved = [list(point) for point in points]
        for index, (x, y) in placed.items():
            new = from_nuke(x, y, height) if keys.of_nuke else (x, y)
            if max(abs(new[0] - moved[index][0]), abs(new[1] - moved[index][1])) > NEAR:
                moved[index] = list(new)
        if moved != [list(point) for point in points]:
            found[str(frame)] = moved
    return found


def _read_file(file: str) -> Keys:
    frames, found = options.read_json_part(file, SCHEMA, "frames", "landmarks"), {}
    for frame, points in frames.items():
        try:
            number, placed = int(frame), {index: (float(x), float(y)) for index, (x, y) in enumerate(points)}
        except (TypeError, ValueError) as error:
            text = f"{file}: frame {frame}: expected a frame number and {COUNT} points [x, y]"
            raise ReenactError(text) from error
        if len(placed) != COUNT:
            raise ReenactError(f"{file}: frame {frame} has {len(placed)} points, not {COUNT}")
        found[number] = placed
    return Keys(found, False)
