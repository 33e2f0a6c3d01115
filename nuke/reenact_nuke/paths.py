"""Where things are: the engine's Python, the options' description, files beside the output."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List

from reenact_nuke.errors import EngineError, ReenactError

HERE = os.path.dirname(os.path.abspath(__file__))
VARIABLE = "OFX_REENACT_PYTHON"
PREFERENCES = "reenact.json"

_PADDING = re.compile(r"%0?\d*d|#+")
_VERSION = re.compile(r"(?<=[._/\\-])v(\d+)(?=[._/\\-])", re.IGNORECASE)
# Endings of names that are videos to the engine.
VIDEOS = (
    ".mp4", ".mov", ".mpg", ".mpeg", ".avi", ".mkv", ".m4v", ".webm", ".ts", ".mts", ".m2ts", ".mxf", ".wmv", ".asf",
    ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".vob", ".m2v", ".mpv", ".dv", ".qt", ".gif", ".apng",
)  # fmt: skip
_schema: Dict[str, Any] = {}


def schema() -> Dict[str, Any]:
    """All options of a render, as ``ofx-reenact settings --json`` prints them."""
    if not _schema:
        with open(os.path.join(HERE, "settings.json"), encoding="utf-8") as file:
            _schema.update(json.load(file))
    return _schema


def read_part(file: str, schema: str, part: str, what: str) -> Dict[str, Any]:
    """The object of that name in a JSON file of a schema; ``what`` is what the file should be, for messages.

    Raises:
        ReenactError: it cannot be read, or is none.
    """
    try:
        with open(file, encoding="utf-8") as source:
            content = json.load(source)
    except (OSError, ValueError) as error:
        raise ReenactError(f"{file}: cannot be read as {what} ({error})") from error
    if not isinstance(content, dict) or content.get("schema") != schema or not isinstance(content.get(part), dict):
        raise ReenactError(f'{file}: expected {{"schema": "{schema}", "{part}": {{...}}}}')
    return dict(content[part])


def options() -> List[Dict[str, Any]]:
    """The options in the engine's order."""
    return list(schema()["options"])


def is_path(option: Dict[str, Any], value: Any) -> bool:
    """Whether a value of an option names a file, or files; some options take other texts and numbers as well."""
    if not option["path"] or not isinstance(value, (str, list)):
        return False
    return not (option["unless"] and isinstance(value, str) and re.fullmatch(option["unless"], value))


def version() -> str:
    """The version of ofx_reenact that this node belongs to."""
    return str(schema()["version"])


def preference_files() -> List[str]:
    """Where the engine's Python can be named in a file: the user's own first, then the studio's."""
    return [
        os.path.join(os.path.expanduser("~"), ".nuke", PREFERENCES),
        os.path.join(os.path.dirname(HERE), PREFERENCES),
    ]


def find_python() -> str:
    """The Python that ofx_reenact is installed in.

    ``OFX_REENACT_PYTHON`` decides; else ``python`` in the user's ``~/.nuke/reenact.json``; else in a ``reenact.json``
    beside ``init.py``; else the environment that this folder is installed in.

    Raises:
        EngineError: none is named, or the file named is not there.
    """
    named = [(os.environ.get(VARIABLE, ""), VARIABLE)]
    named += [(_named_in(file), file) for file in preference_files()]
    for python, place in named:
        if python:
            if not os.path.isfile(python):
                raise EngineError(f"{place} names {python}, which is not there; name the engine's Python")
            return python
    for python in _around():
        if os.path.isfile(python):
            return python
    raise EngineError(
        f"The engine's Python is not named. Set {VARIABLE} to the python of the environment that ofx-reenact is "
        f'installed in, or write {{"python": "..."}} into {preference_files()[0]}'
    )


def remember_python(python: str) -> str:
    """Name the engine's Python for this user; returns the file that it was written to."""
    file = preference_files()[0]
    folder = os.path.dirname(file)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    with open(file, "w", encoding="utf-8") as sink:
        json.dump({"python": python}, sink, indent=2)
        sink.write("\n")
    return file


def has_padding(name: str) -> bool:
    """Tell whether a name stands for a sequence."""
    return bool(_PADDING.search(os.path.basename(name)))


def is_footage(name: str) -> bool:
    """Tell whether a name stands for a sequence or a video."""
    return has_padding(name) or name.lower().endswith(VIDEOS)


def first_frame(name: str, otherwise: int) -> int:
    """The first frame that the engine finds: of a sequence on disk, whatever a Read shows of it; of a video, 1.

    Args:
        name: of a sequence or video.
        otherwise: what a sequence without files begins with.
    """
    folder, base = os.path.split(name)
    match = _PADDING.search(base)
    if match is None:
        return 1
    width = _width(match.group(0))
    start, end = re.escape(base[: match.start()]), re.escape(base[match.end() :])
    numbered = re.compile(rf"{start}(-?\d+){end}$")
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return otherwise
    found = [match.group(1) for match in map(numbered.match, names) if match]
    # No fewer digits and no more than needed: 1 and 00001 are no frames of ####.
    return min((int(text) for text in found if text == str(int(text)).zfill(width)), default=otherwise)


def files(name: str, first: int, last: int) -> List[str]:
    """The files of a sequence's frames; of a name without padding, itself."""
    folder, base = os.path.split(name)
    match = _PADDING.search(base)
    if match is None:
        return [name]
    width = _width(match.group(0))
    start, end = base[: match.start()], base[match.end() :]
    return [_join(folder, start + str(frame).zfill(width) + end) for frame in range(first, last + 1)]


def beside(output: str, name: str) -> str:
    """A file or folder that belongs to an output, whatever its version: ``shot_v002.####.exr`` → ``shot.NAME``.

    Raises:
        ReenactError: the output is not a sequence name.
    """
    if not has_padding(output):
        raise ReenactError(f"Output '{output}': write #### where the frame number goes, as shot_v001.####.exr")
    folder, base = os.path.split(output)
    stem = _PADDING.split(base)[0].rstrip("._- ")
    stem = re.sub(r"[._-]?v\d+$", "", stem, flags=re.IGNORECASE) or "reenact"
    return _join(folder, stem + "." + name)


def next_version(output: str) -> str:
    """The name with its last version one higher, in as many digits; a name without one gets ``_v002``."""
    found = list(_VERSION.finditer(output))
    if not found:
        folder, base = os.path.split(output)
        match = _PADDING.search(base)
        cut = match.start() if match else len(base) - len(os.path.splitext(base)[1])
        return _join(folder, base[:cut].rstrip("._") + "_v002." + base[cut:].lstrip("."))
    last = found[-1].group(1)
    number = str(int(last) + 1).zfill(len(last))
    # A folder and a file of the same version go up together.
    return _VERSION.sub(lambda m: m.group(0)[0] + number if m.group(1) == last else m.group(0), output)


def absolute(name: str, base: str) -> str:
    """A path as the engine takes it: forward slashes, relative ones from ``base`` (the project directory)."""
    name = os.path.expanduser(name)
    if not os.path.isabs(name):
        name = os.path.join(base or os.getcwd(), name)
    return name.replace("\\", "/")


def _width(padding: str) -> int:
    """Digits of a place for frame numbers: ``####`` and ``%04d`` are 4."""
    return len(padding) if padding.startswith("#") else int(padding[1:-1] or 1)


def _join(folder: str, name: str) -> str:
    return folder + "/" + name if folder else name


def _named_in(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as source:
            content = json.load(source)
    except OSError:
        return ""
    except ValueError as error:
        raise EngineError(f"{file}: not JSON ({error}); correct or remove it") from error
    return str(content.get("python", "")) if isinstance(content, dict) else ""


def _around() -> List[str]:
    """Pythons of the environment whose ``site-packages/ofx_reenact/nuke`` this folder would be."""
    root = HERE
    found = []
    for _ in range(7):
        root = os.path.dirname(root)
        found += [os.path.join(root, "bin", "python"), os.path.join(root, "Scripts", "python.exe")]
    return found if os.path.basename(os.path.dirname(os.path.dirname(HERE))) == "ofx_reenact" else []
