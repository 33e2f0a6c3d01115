"""What a file was made from: a performance, an identity, a frame.

It is kept in the file, so that a file of one driver or picture is not taken for another's, and so that frames say
whether they are what the sidecar beside them says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ofx_reenact.files import parse_json
from ofx_reenact.settings import Settings
from ofx_reenact.settings.option import flag

# Options that say whose face is meant.
WHOSE = ("face", "target_face")


@dataclass(frozen=True)
class Source:
    """One input.

    Attributes:
        name: as the user wrote it.
        sha256: over its files in order; "" if not known.
        frame: the one that is meant, of a video.
    """

    name: str
    sha256: str = ""
    frame: int | None = None

    def differs(self, other: Source) -> bool:
        """Tell whether another input is meant: by content if both are known, else by the file's name."""
        if not (self.sha256 and other.sha256):
            return Path(self.name).name != Path(other.name).name
        return self.sha256 != other.sha256 or (None not in (self.frame, other.frame) and self.frame != other.frame)


@dataclass(frozen=True)
class MadeOf:
    """Inputs by the option that names them, values of the options that matter, and the weights' SHA-256 by network."""

    inputs: Mapping[str, Source]
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of all but the inputs' names, hexadecimal: files may move."""
        inputs = {what: [source.sha256, source.frame] for what, source in self.inputs.items()}
        said = [inputs, dict(self.settings), dict(self.weights)]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        inputs = {
            what: {name: value for name, value in vars(source).items() if value is not None}
            for what, source in self.inputs.items()
        }
        return {"inputs": inputs, "settings": dict(self.settings), "weights": dict(self.weights)}

    @property
    def text(self) -> str:
        """It as JSON on one line."""
        return json.dumps(self.as_dict(), sort_keys=True, ensure_ascii=False)

    @classmethod
    def of_dict(cls, content: Any) -> MadeOf:
        """Read what :meth:`as_dict` returns.

        Raises:
            ValueError: it is something else.
        """
        parts = content if isinstance(content, dict) else {}
        inputs, settings, weights = (parts.get(name) for name in ("inputs", "settings", "weights"))
        if not (isinstance(inputs, dict) and isinstance(settings, dict) and isinstance(weights, dict)):
            raise ValueError("what it was made from is not an object with inputs, settings and weights")
        return cls({what: _source(what, said) for what, said in inputs.items()}, settings, weights)

    @classmethod
    def of_text(cls, text: str) -> MadeOf:
        """Read what :attr:`text` returns.

        Raises:
            ValueError: it is something else.
        """
        return cls.of_dict(parse_json(text))

    def contradicts(self, asked: MadeOf) -> list[str]:
        """Say where this is of something else than is asked for: of another input, or of another face in it.

        An input that is not asked for, or an option that is left at its default, asks for nothing.
        """
        said = []
        for what, source in asked.inputs.items():
            then = self.inputs.get(what)
            if then is None or then.differs(source):
                said.append(_differ(then, source, what))
        # By number or position now, by a picture then.
        said += [
            f"made with {flag(name)} {self.inputs[name].name}, not {value}"
            for name, value in asked.settings.items()
            if name in self.inputs and name in WHOSE and _is_asked(name, value)
        ]
        return [*said, *(text for name, text in self._other_options(asked) if name in WHOSE)]

    def deviates(self, asked: MadeOf) -> list[str]:
        """Say with which options this was made that are set to other values now: the same face, seen another way."""
        return [text for name, text in self._other_options(asked) if name not in WHOSE]

    def _other_options(self, asked: MadeOf) -> list[tuple[str, str]]:
        return [
            (name, f"made with {flag(name)} {_plain(self.settings[name])}, not {_plain(value)}")
            for name, value in asked.settings.items()
            if _is_asked(name, value) and self.settings.get(name, value) != value
        ]


def _is_asked(name: str, value: Any) -> bool:
    """Whether an option is set to another value than its default; a face's number is kept as a whole number."""
    usual = getattr(Settings, name)
    return bool(value != usual and not (name in WHOSE and str(value) == usual))


def _differ(then: Source | None, now: Source, what: str) -> str:
    """Say of one input how it differs."""
    if then is None:
        return f"made without {flag(what)} {now.name}"
    if then.sha256 == now.sha256 != "":
        return f"made from frame {then.frame} of {then.name}, not from frame {now.frame}"
    if Path(then.name).name == Path(now.name).name:
        return f"made from another {then.name} than the {now.name} that is there now (another SHA-256)"
    return f"made from {then.name}, not from {now.name}"


def _source(what: str, said: Any) -> Source:
    if not isinstance(said, dict) or not all(isinstance(said.get(name), str) for name in ("name", "sha256")):
        raise ValueError(f"input '{what}' has no name or no sha256")
    frame = said.get("frame")
    if frame is not None and not isinstance(frame, int):
        raise ValueError(f"input '{what}' has a frame that is no number")
    return Source(said["name"], said["sha256"], frame)


def _plain(value: Any) -> str:
    return "none" if value in ("", None) else str(value)
