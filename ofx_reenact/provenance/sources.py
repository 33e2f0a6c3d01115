"""What a performance, an identity or a frame was made from: inputs, settings and weights.

It is stored in the file. So a performance or identity is not used for another driver or picture, and frames can be
compared with the sidecar.
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
from ofx_reenact.settings.earlier_names import as_named_now
from ofx_reenact.settings.option import flag

# Options that choose one of several people in a picture.
FACE_OPTIONS = ("face", "target_face")


@dataclass(frozen=True)
class Source:
    """One input of a file.

    Attributes:
        name: path, as the user wrote it.
        sha256: over the bytes of its files in order; "" if not known.
        frame: the frame that was used, of a video.
    """

    name: str
    sha256: str = ""
    frame: int | None = None

    def differs(self, other: Source) -> bool:
        """Return whether this is another input: by SHA-256 if both are known, else by file name."""
        if not (self.sha256 and other.sha256):
            return Path(self.name).name != Path(other.name).name
        return self.sha256 != other.sha256 or (None not in (self.frame, other.frame) and self.frame != other.frame)


@dataclass(frozen=True)
class MadeOf:
    """What a file was made from.

    Attributes:
        inputs: option → input.
        settings: option → value, for options that change the file.
        weights: network → SHA-256.
    """

    inputs: Mapping[str, Source]
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of everything but the inputs' names, since files may move."""
        inputs = {what: [source.sha256, source.frame] for what, source in self.inputs.items()}
        content = [inputs, dict(self.settings), dict(self.weights)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        inputs = {
            what: {name: value for name, value in vars(source).items() if value is not None}
            for what, source in self.inputs.items()
        }
        return {"inputs": inputs, "settings": dict(self.settings), "weights": dict(self.weights)}

    @property
    def text(self) -> str:
        """What :meth:`as_dict` returns, as JSON on one line."""
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
        sources = {what: _source(what, content) for what, content in inputs.items()}
        return cls(sources, as_named_now(settings), weights)

    @classmethod
    def of_text(cls, text: str) -> MadeOf:
        """Read what :attr:`text` returns.

        Raises:
            ValueError: it is something else.
        """
        return cls.of_dict(parse_json(text))

    def describe_other_inputs(self, expected: MadeOf) -> list[str]:
        """Return where the file was made from another input, or from another face in it, than ``expected``.

        Inputs that ``expected`` does not have, and options at their defaults, are not compared.
        """
        problems = []
        for what, source in expected.inputs.items():
            then = self.inputs.get(what)
            if then is None or then.differs(source):
                problems.append(_describe_difference(then, source, what))
        # The file's face was chosen by a picture (an input); the one expected is chosen by number or position.
        problems += [
            f"made with {flag(name)} {self.inputs[name].name}, not {value}"
            for name, value in expected.settings.items()
            if name in self.inputs and name in FACE_OPTIONS and _is_set(name, value)
        ]
        return [*problems, *(text for name, text in self._other_options(expected) if name in FACE_OPTIONS)]

    def describe_other_options(self, expected: MadeOf) -> list[str]:
        """Return which options had other values than ``expected`` sets, without those of :data:`FACE_OPTIONS`."""
        return [text for name, text in self._other_options(expected) if name not in FACE_OPTIONS]

    def _other_options(self, expected: MadeOf) -> list[tuple[str, str]]:
        return [
            (name, f"made with {flag(name)} {_plain(self.settings[name])}, not {_plain(value)}")
            for name, value in expected.settings.items()
            if _is_set(name, value) and self.settings.get(name, value) != value
        ]


def _is_set(name: str, value: Any) -> bool:
    """Return whether an option has another value than its default; a face's number is stored as an int."""
    default = getattr(Settings, name)
    return bool(value != default and not (name in FACE_OPTIONS and str(value) == default))


def _describe_difference(then: Source | None, now: Source, what: str) -> str:
    """Return how an input differs from the one given now."""
    if then is None:
        return f"made without {flag(what)} {now.name}"
    if then.sha256 == now.sha256 != "":
        return f"made from frame {then.frame} of {then.name}, not from frame {now.frame}"
    if Path(then.name).name == Path(now.name).name:
        return f"made from another {then.name} than the {now.name} that is there now (another SHA-256)"
    return f"made from {then.name}, not from {now.name}"


def _source(what: str, content: Any) -> Source:
    if not isinstance(content, dict) or not all(isinstance(content.get(name), str) for name in ("name", "sha256")):
        raise ValueError(f"input '{what}' has no name or no sha256")
    frame = content.get("frame")
    if frame is not None and not isinstance(frame, int):
        raise ValueError(f"input '{what}' has a frame that is no number")
    return Source(content["name"], content["sha256"], frame)


def _plain(value: Any) -> str:
    return "none" if value in ("", None) else str(value)
