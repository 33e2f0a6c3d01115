"""Nuke's Tracker4 node: write its ``tracks`` knob as text, and read its keys.

The knob is a table: a header with the version, the number of columns and of tracks; the columns; a row for each track.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from reenact_nuke.errors import ReenactError

Point = Tuple[float, float]

# Kind, shown or not, width, label, as Nuke 13 to 16 write them. The name is the label, but "enable" for "e".
_COLUMNS = (
    (5, 1, 20, "e"), (3, 1, 75, "name"), (2, 1, 58, "track_x"), (2, 1, 58, "track_y"), (2, 1, 63, "offset_x"),
    (2, 1, 63, "offset_y"), (4, 1, 27, "T"), (4, 1, 27, "R"), (4, 1, 27, "S"), (2, 0, 45, "error"),
    (1, 1, 0, "error_min"), (1, 1, 0, "error_max"), (1, 1, 0, "pattern_x"), (1, 1, 0, "pattern_y"),
    (1, 1, 0, "pattern_r"), (1, 1, 0, "pattern_t"), (1, 1, 0, "search_x"), (1, 1, 0, "search_y"),
    (1, 1, 0, "search_r"), (1, 1, 0, "search_t"), (2, 1, 0, "key_track"), (2, 1, 0, "key_search_x"),
    (2, 1, 0, "key_search_y"), (2, 1, 0, "key_search_r"), (2, 1, 0, "key_search_t"), (2, 1, 0, "key_track_x"),
    (2, 1, 0, "key_track_y"), (2, 1, 0, "key_track_r"), (2, 1, 0, "key_track_t"), (2, 1, 0, "key_centre_offset_x"),
    (2, 1, 0, "key_centre_offset_y"),
)  # fmt: skip
_NAME, _X, _Y = 1, 2, 3
# From T to the search box: no transform, errors, and the boxes of a track that Nuke has not tracked.
_REST = "0 0 0 {{curve x{first} 0}} 1 0 -32 -32 32 32 -22 -22 22 22"


def tracks_script(names: Sequence[str], frames: Mapping[int, Sequence[Point]]) -> str:
    """Write tracks as text for ``fromScript`` of the knob.

    Args:
        names: of the tracks.
        frames: frame → one point for each track, in Nuke's pixels.
    """
    columns = " ".join(
        "{{ {} {} {} {} {} 1 }}".format(kind, shown, width, "enable" if label == "e" else label, label)
        for kind, shown, width, label in _COLUMNS
    )
    rows = " ".join(_row(name, {frame: points[i] for frame, points in frames.items()}) for i, name in enumerate(names))
    return f"{{ 1 {len(_COLUMNS)} {len(names)} }}\n{{ {columns} }}\n{{ {rows} }}"


def read_tracks(tracker: Any) -> Dict[str, Dict[int, Point]]:
    """Read a Tracker4's tracks: name → frame → point, in frames where x or y has a key.

    Raises:
        ReenactError: the knob's text has an unknown form.
    """
    table = tracker["tracks"]
    try:
        parts = split_tcl(table.toScript())
        parts = split_tcl(parts[0]) if len(parts) == 1 else parts
        width, names = int(split_tcl(parts[0])[1]), [split_tcl(row)[_NAME] for row in split_tcl(parts[2])]
    except (IndexError, ValueError) as error:
        text = f"{tracker.name()}: its tracks have a form that this node cannot read; export landmarks to a new Tracker"
        raise ReenactError(text) from error
    found: Dict[str, Dict[int, Point]] = {}
    for row, name in enumerate(names):
        x, y = width * row + _X, width * row + _Y
        times = {round(table.getKeyTime(k, c)) for c in (x, y) for k in range(table.getNumKeys(c))}
        found[name] = {time: (table.getValueAt(time, x), table.getValueAt(time, y)) for time in sorted(times)}
    return found


def split_tcl(text: str) -> List[str]:
    """Split a Tcl list into its elements, without their outer braces or quotes."""
    found, i = [], 0
    while i < len(text):
        if text[i].isspace():
            i += 1
            continue
        if text[i] == "{":
            end = _closing(text, i)
            found.append(text[i + 1 : end])
        elif text[i] == '"':
            end = text.index('"', i + 1)
            found.append(text[i + 1 : end])
        else:
            end = i
            while end < len(text) and not text[end].isspace():
                end += 1
            found.append(text[i:end])
        i = end + 1
    return found


def _closing(text: str, start: int) -> int:
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("a brace is not closed")


def _row(name: str, points: Mapping[int, Point]) -> str:
    first = min(points)
    curves = [" ".join(f"x{f} {points[f][axis]:.6g}" for f in sorted(points)) for axis in (0, 1)]
    start = '{{curve K x{} 1}} "{}" {{curve {}}} {{curve {}}}'.format(first, name, *curves)
    offsets = f"{{curve K x{first} 0}} {{curve K x{first} 0}}"
    return "{{ {} {} {} {} }}".format(start, offsets, _REST.format(first=first), " ".join(["{}"] * 11))
