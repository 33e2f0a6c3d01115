"""Landmarks out to a Tracker and back. Nuke's y goes up and counts pixels from their corner, the engine's down and
from their centre.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import nuke
from reenact_nuke import layout, paths, subjects, tracker
from reenact_nuke.errors import ReenactError
from reenact_nuke.subjects import Subject

SCHEMA = "ofx-reenact/landmarks/1"
# Pixels; what moved less was not moved.
NEAR = 0.01
# The 68 points' regions in order; right and left are the person's.
REGIONS = (
    ("jaw", 17), ("brow_right", 5), ("brow_left", 5), ("nose", 9), ("eye_right", 6), ("eye_left", 6), ("mouth", 20),
)  # fmt: skip
NAMES = tuple(f"{region} {index}" for region, count in REGIONS for index in range(count))
COUNT = len(NAMES)
# A Tracker's hidden knob that says whose landmarks it has.
OF = layout.PREFIX + "of"

Points = List[List[float]]


class Keys:
    """Points that somebody placed: frame → index of the landmark → (x, y).

    Attributes:
        frames: in the source's own coordinates.
        of_nuke: whether those are Nuke's.
    """

    def __init__(self, frames: Dict[int, Dict[int, Tuple[float, float]]], of_nuke: bool) -> None:
        self.frames, self.of_nuke = frames, of_nuke


def to_nuke(x: float, y: float, height: int) -> Tuple[float, float]:
    """The engine's pixels as Nuke's."""
    return x + 0.5, height - y - 0.5


def from_nuke(x: float, y: float, height: int) -> Tuple[float, float]:
    """Nuke's pixels as the engine's."""
    return x - 0.5, height - y - 0.5


def subject_of(node: Any) -> Subject:
    """Whose landmarks the node's pulldown names; a node of an earlier version has the driver's."""
    held = node.knob(layout.PREFIX + "landmarks_of")
    name = held.value() if held is not None else subjects.DRIVER.name
    return next(subject for subject in subjects.BOTH if subject.name == name)


def make_tracker(node: Any, subject: Subject, found: Dict[str, Any]) -> Any:
    """Make a Tracker with a track for each landmark, keyed in every frame of the engine's answer to ``landmarks``."""
    height = int(found["size"][1])
    frames = {int(frame): [to_nuke(x, y, height) for x, y in points] for frame, points in found["frames"].items()}
    whose = "" if subject == subjects.DRIVER else subject.name + "_"
    made = nuke.nodes.Tracker4(name=f"{node.name()}_{whose}landmarks")
    made["tracks"].fromScript(tracker.script(NAMES, frames))
    of = nuke.String_Knob(OF, "")
    of.setFlag(nuke.INVISIBLE)
    made.addKnob(of)
    of.setValue(subject.name)
    made.setInput(0, node.input(subject.input))
    made.setXYpos(node.xpos() + 150, node.ypos())
    return made


def choose() -> Optional[Any]:
    """The selected Tracker; else the JSON file that the artist picks, None if they pick none.

    Raises:
        ReenactError: nothing is selected and there is nobody to ask.
    """
    selected = [other for other in nuke.selectedNodes() if other.Class() == "Tracker4"]
    if len(selected) == 1:
        return selected[0]
    if len(selected) > 1:
        raise ReenactError("Several Trackers are selected; select the one with the landmarks")
    if not nuke.GUI:
        raise ReenactError("Select a Tracker, or name one or a JSON file: run.import_landmarks(node, source)")
    return nuke.getFilename("Landmarks", "*.json")


def keys_of(source: Any, subject: Subject) -> Keys:
    """Read a Tracker4 node or a JSON file.

    Args:
        source: the node or the path.
        subject: whose landmarks are wanted.

    Raises:
        ReenactError: it has no landmarks, or it was made of somebody else's.
    """
    if isinstance(source, str):
        return _of_file(source)
    of = source.knob(OF)
    if of is not None and of.value() not in ("", subject.name):
        raise ReenactError(
            f"{source.name()} has the landmarks of the {of.value()}; choose '{of.value()}' beside 'landmarks of' to "
            "import it"
        )
    tracks = tracker.keys(source)
    frames: Dict[int, Dict[int, Tuple[float, float]]] = {}
    for index, name in enumerate(NAMES):
        for frame, point in tracks.get(name, {}).items():
            frames.setdefault(frame, {})[index] = point
    if not frames:
        raise ReenactError(
            f"{source.name()} has no track named as a landmark ('{NAMES[0]}', ...); export landmarks first and move "
            "those"
        )
    return Keys(frames, True)


def changed(known: Dict[str, Any], keys: Keys) -> Dict[str, Points]:
    """The frames in which a point was moved, whole: points without a key stay where the performance has them.

    Args:
        known: the engine's answer to ``landmarks``, all frames.
        keys: what was placed.

    Returns:
        Frame → 68 points in the engine's pixels, as ``place`` takes them, of frames that the performance has.
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


def _of_file(file: str) -> Keys:
    frames, found = paths.read_part(file, SCHEMA, "frames", "landmarks"), {}
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
