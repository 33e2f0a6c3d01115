"""Which of several faces is used: the user chooses by number, by position, or by a picture of the person."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ofx_reenact.errors import SettingsError

# A text of only these characters is a number or a position; any other is a path. Nuke's panel uses this, too.
NO_PATH = r"[-+0-9.,@\s]*"
# Coordinates are below this, in pixels, as no picture is larger. The comparison also refuses NaN and infinity.
_FARTHEST = 1e6
_POSITION = re.compile(r"([^,@]+),([^,@]+)(?:@(-?[0-9]{1,9}))?")


@dataclass(frozen=True)
class FaceChoice:
    """A choice of one face among several, as the user gave it.

    Attributes:
        number: rank by size in the first frame that shows so many faces; 1 is the largest. Used if neither a position
            nor a picture is given.
        position: (x, y) in pixels of the file's picture, x to the right, y down; the centre of the first pixel is
            (0, 0), as for landmarks placed by hand.
        frame: frame in which the face is at that position; None for the first frame that shows any face.
        picture: path of a picture of the person; empty if none.
    """

    number: int = 1
    position: tuple[float, float] | None = None
    frame: int | None = None
    picture: str = ""

    @classmethod
    def parse(cls, text: str) -> FaceChoice:
        """Parse ``2``, ``X,Y``, ``X,Y@FRAME`` or a path; an empty text is the largest face.

        Raises:
            SettingsError: the text looks like a number or a position, but is neither.
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
            f"'{text[:40]}' names no face: give a number from 1, a position in pixels as 960,540 or 960,540@1001, or "
            "the path of a picture (write ./ before a name that is a number)"
        )
