"""Which face of several an option means: one by number, one at a position, or that of a person in a picture."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ofx_reenact.errors import SettingsError

# Texts of such characters alone are numbers and positions; all others are paths. Nuke's panel reads it, too.
NO_PATH = r"[-+0-9.,@\s]*"
# Coordinates are below this, in pixels: no picture is larger. The same comparison refuses NaN and infinity.
_FARTHEST = 1e6
_POSITION = re.compile(r"([^,@]+),([^,@]+)(?:@(-?[0-9]{1,9}))?")


@dataclass(frozen=True)
class FaceChoice:
    """What a user says of the face that is meant.

    Attributes:
        number: by size in the first frame that shows so many; 1 is the largest. Counts where nothing else is said.
        position: (x, y) in pixels of the file's picture, x to the right, y down, the centre of the first pixel at
            (0, 0), as of hand-placed landmarks.
        frame: in which the face is there; None for the first that shows any.
        picture: path of a picture of the person; empty if none.
    """

    number: int = 1
    position: tuple[float, float] | None = None
    frame: int | None = None
    picture: str = ""

    @classmethod
    def parse(cls, text: str) -> FaceChoice:
        """Read ``2``, ``X,Y``, ``X,Y@FRAME`` or a path; empty is the largest.

        Raises:
            SettingsError: it begins as a number or a position and is none.
        """
        text = text.strip()
        if not text:
            return cls()
        if not re.fullmatch(NO_PATH, text):
            return cls(picture=text)
        if re.fullmatch("[0-9]{1,9}", text) and int(text) > 0:
            return cls(int(text))
        if place := _POSITION.fullmatch(re.sub(r"\s", "", text)):
            try:
                x, y = float(place[1]), float(place[2])
            except ValueError:
                x = y = math.nan
            if abs(x) < _FARTHEST and abs(y) < _FARTHEST:
                return cls(position=(x, y), frame=None if place[3] is None else int(place[3]))
        raise SettingsError(
            f"'{text[:40]}' is no face: give a number from 1, a position in pixels as 960,540 or 960,540@1001, or the "
            "path of a picture (write ./ before a name that is a number)"
        )
