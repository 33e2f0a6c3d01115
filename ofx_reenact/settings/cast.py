"""A cast: several people of one plate, each with options of their own, from a JSON file.

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
# Names become layers of frames: as EXR and Nuke take them.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
# What is one for the whole render though it concerns a person: the picture, and the networks that frames are named by.
_RENDERS_OWN = (
    "cast", "target", "target_frame", "colorspace", "layer", "profile", "repair", "weights", "fdgan_weights", "device",
)  # fmt: skip
# Files that are one person's in one plate: two members cannot share them.
_OF_ONE = ("identity", "target_performance", "parts_file")


@dataclass(frozen=True)
class Role:
    """One member of a cast; without a name, the only person of a render without one."""

    name: str
    settings: Settings

    def said(self, text: str) -> str:
        """Say of whom a text is; the text alone where there is no cast."""
        return f"{self.name}: {text}" if self.name else text


def member_options() -> tuple[str, ...]:
    """Return the options that a member may have of its own, in order."""
    mine = {*names_affecting("track", "person", "pixels"), "consent"} - set(_RENDERS_OWN)
    return tuple(field.name for field in dataclasses.fields(Settings) if field.name in mine)


def read_roles(settings: Settings) -> tuple[Role, ...]:
    """Return who is animated, each with the settings of a render of that person alone.

    A member has the render's options where it has none of its own. Relative paths in the file are seen from its folder.

    Raises:
        SettingsError: the file is none, or a member's name, face, files or options cannot be used.
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
        raise SettingsError(f"{path}: member {number} is no object with a name and options")
    said = dict(member)
    name = said.pop("name", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{path}: member {number}: name {str(name)[:40]!r}: give up to 32 letters, digits and _, a letter first"
        )
    allowed = member_options()
    if wrong := [option for option in said if option not in allowed]:
        known = {field.name for field in dataclasses.fields(Settings)}
        why = "is the whole render's, so give it there" if wrong[0] in known else f"is unknown; {', '.join(allowed)}"
        raise SettingsError(f"{path}: {name}: option {wrong[0][:40]!r} {why}")
    values = {option: tuple(v) if isinstance(v, list) else v for option, v in said.items()}
    try:
        role = Role(name, replace(settings, **{**_seen_from(path.parent, values), "cast": ""}))
    except SettingsError as error:
        raise SettingsError(f"{path}: {name}: {error}") from error
    if not role.settings.driver and not (role.settings.performance and Path(role.settings.performance).exists()):
        raise SettingsError(f"{path}: {name}: has no driver, and no performance that was tracked before")
    return role


def _seen_from(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options whose paths are seen from a folder."""
    fields = {field.name: field for field in dataclasses.fields(Settings)}

    def found(name: str, value: Any) -> Any:
        return os.path.normpath(folder / value) if isinstance(value, str) and is_path(fields[name], value) else value

    return {
        name: tuple(found(name, one) for one in value) if isinstance(value, tuple) else found(name, value)
        for name, value in values.items()
    }


def _refuse_doubles(roles: tuple[Role, ...], path: Path) -> None:
    """Refuse members that cannot be told apart, by name, face or files."""
    for number, role in enumerate(roles):
        for other in roles[:number]:
            both, mine, theirs = f"{path}: {other.name} and {role.name}", role.settings, other.settings
            if role.name.lower() == other.name.lower():
                raise SettingsError(f"{both} have one name; layers and messages tell members apart by it")
            if (mine.target_face, mine.target_landmarks) == (theirs.target_face, theirs.target_landmarks):
                raise SettingsError(
                    f"{both} are both face {mine.target_face} of the target; give each a target_face of its own"
                )
            for option in _OF_ONE:
                if (name := getattr(mine, option)) and name == getattr(theirs, option):
                    raise SettingsError(f"{both} have one {flag(option)} {name}; each needs one of its own")
            if mine.performance and mine.performance == theirs.performance and mine.driver != theirs.driver:
                raise SettingsError(f"{both} have one --performance {mine.performance}, but other drivers")
