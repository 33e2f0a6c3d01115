"""A cast file (JSON): several people in one target, each with a driver and options of their own.

``{"schema": "ofx-reenact/cast/1", "members": [{"name": "anna", "target_face": 1, "driver": "a.####.exr"}, …]}``.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ofx_reenact.errors import SettingsError
from ofx_reenact.files import read_json
from ofx_reenact.settings import Settings, names_affecting
from ofx_reenact.settings.option import flag, is_path

SCHEMA = "ofx-reenact/cast/1"
# Names become names of layers, so they have only what EXR and Nuke allow.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
# Options that affect a person but are the same for all members: the target's picture, and the networks, whose names are
# written into each frame.
_ONCE_PER_RENDER = (
    "cast", "target", "target_frame", "colorspace", "layer", "profile", "repair", "weights", "fdgan_weights", "device",
)  # fmt: skip
# Options that name a file about one person in one target; two members cannot have the same file.
_ONE_PERSON_FILES = ("identity", "target_performance", "parts_file")


@dataclass(frozen=True)
class Role:
    """One person to animate: a member of the cast, or the only person of a render without one, whose name is empty."""

    name: str
    settings: Settings

    def label(self, text: str) -> str:
        """Put the member's name before a text; without a cast, return the text alone."""
        return f"{self.name}: {text}" if self.name else text


def member_options() -> tuple[str, ...]:
    """Return the names of the options that a member may have of its own, in the order of declaration."""
    own = {*names_affecting("track", "person", "pixels"), "consent"} - set(_ONCE_PER_RENDER)
    return tuple(field.name for field in dataclasses.fields(Settings) if field.name in own)


def read_roles(settings: Settings) -> tuple[Role, ...]:
    """Return the people to animate, each with the settings of a render of that person alone.

    An option that a member does not give has the render's value. Relative paths in the file are relative to its folder.

    Raises:
        SettingsError: it is not a cast file, or a member's name, face, files or options cannot be used.
    """
    if not settings.cast:
        return (Role("", settings),)
    path = Path(settings.cast)
    members = read_json(path, SCHEMA, what="cast file", error=SettingsError).get("members")
    if not isinstance(members, list) or not members:
        raise SettingsError(f'{path}: give "members", a list of objects with a name and options')
    roles = tuple(_role(member, number, settings, path) for number, member in enumerate(members, start=1))
    _refuse_doubles(roles, path)
    return roles


def _role(member: Any, number: int, settings: Settings, path: Path) -> Role:
    if not isinstance(member, dict):
        raise SettingsError(f"{path}: member {number} is not an object with a name and options")
    options = dict(member)
    name = options.pop("name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{path}: member {number}: name {str(name)[:40]!r}: give up to 32 letters, digits and _, a letter first"
        )
    allowed = member_options()
    if wrong := [option for option in options if option not in allowed]:
        known = {field.name for field in dataclasses.fields(Settings)}
        why = "is the whole render's, so give it there and not here"
        if wrong[0] not in known:
            why = f"is unknown; known are {', '.join(allowed)}"
        raise SettingsError(f"{path}: {name}: option {wrong[0][:40]!r} {why}")
    values = {option: tuple(v) if isinstance(v, list) else v for option, v in options.items()}
    try:
        role = Role(name, replace(settings, **{**_relative_to(path.parent, values), "cast": ""}))
    except SettingsError as error:
        raise SettingsError(f"{path}: {name}: {error}") from error
    if not role.settings.driver and not (role.settings.performance and Path(role.settings.performance).exists()):
        raise SettingsError(f"{path}: {name}: has no driver, and no performance file that exists; give it one of them")
    return role


def _relative_to(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options' values with relative paths joined to a folder."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}

    def joined(name: str, value: Any) -> Any:
        return os.path.normpath(folder / value) if isinstance(value, str) and is_path(fields[name], value) else value

    return {
        name: tuple(joined(name, one) for one in value) if isinstance(value, tuple) else joined(name, value)
        for name, value in values.items()
    }


def _refuse_doubles(roles: tuple[Role, ...], path: Path) -> None:
    """Refuse two members with the same name, face or files."""
    for number, role in enumerate(roles):
        for other in roles[:number]:
            both, mine, theirs = f"{path}: {other.name} and {role.name}", role.settings, other.settings
            if role.name.lower() == other.name.lower():
                raise SettingsError(f"{both} have the same name; layers and messages need a different one for each")
            if (mine.target_face, mine.target_landmarks) == (theirs.target_face, theirs.target_landmarks):
                raise SettingsError(
                    f"{both} are both face {mine.target_face} of the target; give each a target_face of its own"
                )
            for option in _ONE_PERSON_FILES:
                if (name := getattr(mine, option)) and name == getattr(theirs, option):
                    raise SettingsError(f"{both} have the same {flag(option)} {name}; each needs one of its own")
            if mine.performance and mine.performance == theirs.performance and mine.driver != theirs.driver:
                raise SettingsError(f"{both} have the same --performance {mine.performance}, but different drivers")
