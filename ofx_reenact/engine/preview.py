"""The preview of a render: what is seen of each frame, and whose sound is heard with it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ofx_reenact.engine.plan import Plan
from ofx_reenact.engine.plates import Plates
from ofx_reenact.errors import FrameError
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.preview import stack
from ofx_reenact.settings import Settings
from ofx_reenact.shot.frame import Frame
from ofx_reenact.tracking.performance import Performance
from ofx_reenact.tracking.retime import driver_positions

if TYPE_CHECKING:
    from ofx_reenact.frames.sound import Sound

# How far sound may be faster or slower than it was: film at television's rate is 4 in 100 faster.
_FASTER = 0.05

Note = Callable[[str], None]


class Preview:
    """The movie beside the frames: of a target that moves, its own pictures stand above the result's.

    Use as a context manager: it is written whole or not at all.
    """

    def __init__(
        self, path: Path, settings: Settings, plates: Plates, performance: Performance, plan: Plan, colour: Colour,
        note: Note,
    ) -> None:  # fmt: skip
        """Prepare for the frames to do of a plan; ``note`` is told what the user should know of the sound."""
        from ofx_reenact.frames.movie import USUAL_RATE, Mp4Writer

        self._plates, self._colour = plates, colour
        width, height = plates.picture(plates.frame).seen_size
        rate = (plates.sequence.fps if plates.moving else None) or performance.rate or USUAL_RATE
        sound = find_sound(settings, plates, performance, plan, rate, note)
        self._movie = Mp4Writer(path, rate, (width, height * (2 if plates.moving else 1)), sound)

    def __enter__(self) -> Preview:
        self._movie.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._movie.__exit__(*failure)

    def write(self, frame: int, result: Frame) -> None:
        """Add a frame.

        Raises:
            OutputError: the disk does not take it.
        """
        target = self._plates.first
        shown = target.squeeze.show(self._colour.to_display(result.colour[..., :3], target.space))
        if self._plates.moving:
            shown = stack(self._plates.picture(frame).show(self._colour), shown)
        self._movie.write(shown)


def check_sound(settings: Settings) -> None:
    """Refuse a sound that is named and cannot be opened, before anything is rendered.

    Raises:
        FrameError: it is not there, or there is no sound in it.
    """
    if settings.sound and settings.preview_sound != "none":
        from ofx_reenact.frames.sound import Sound

        Sound(Path(settings.sound), 0, 1.0, lambda text: None).close()


def find_sound(
    settings: Settings, plates: Plates, performance: Performance, plan: Plan, rate: Fraction, note: Note
) -> Sound | None:
    """Find what is heard with the frames to do of a plan, which are shown at a rate; None if nothing is.

    Says to ``note`` why nothing is heard where that was asked for, or where there is sound that does not fit.
    """
    if settings.preview_sound == "none":
        return None
    from ofx_reenact.frames.sound import Sound, has_sound

    first = plan.todo.first
    if settings.sound:
        begins = min(plan.states) if settings.sound_start is None else settings.sound_start
        path, start, speed = Path(settings.sound), Fraction(first - begins) / rate, 1.0
    else:
        wanted = _whose(settings, plates)
        files = {"driver": settings.driver, "target": settings.target if plates.moving else ""}
        whose = next((one for one in wanted if files[one] and has_sound(Path(files[one]))), "")
        if not whose:
            if settings.preview_sound != "auto":
                note(f"--preview-sound {settings.preview_sound}: there is no sound; the preview is silent")
            return None
        path = Path(files[whose])
        start, speed = _place(whose, path, settings, plates, performance, first, rate)
    if len(plan.todo) != plan.todo.last - first + 1:
        note(f"{path}: the frames of the preview do not follow one another; it is silent")
        return None
    if abs(speed - 1) > _FASTER:
        note(f"{path}: its frames are shown at {speed:.3g} of their speed; the preview is silent")
        return None
    if speed != 1:
        note(f"{path}: its frames are shown at {speed:.4g} of their speed, and its sound is played so")
    try:
        return Sound(path, start, speed, note)
    except FrameError as error:
        note(f"{error}; the preview is silent")
        return None


def _whose(settings: Settings, plates: Plates) -> tuple[str, ...]:
    """Return whose sound is taken, the first that there is."""
    if settings.preview_sound != "auto":
        return (settings.preview_sound,)
    speaks = settings.regions != "eyes" and settings.weight_mouth > 0 and settings.strength > 0
    return ("driver", "target") if speaks else ("target", "driver")


def _place(
    whose: str, path: Path, settings: Settings, plates: Plates, performance: Performance, first: int, rate: Fraction
) -> tuple[Fraction, float]:
    """Return where in a video's time a frame of the result is, in seconds, and how many of its seconds one lasts."""
    from ofx_reenact.frames.sound import start_of

    own = (plates.sequence.fps if whose == "target" else performance.rate) or rate
    place, speed = Fraction(first), rate / own
    if whose == "driver" and plates.moving:
        positions = driver_positions(plates.frames.numbers, performance.frames, settings)
        place = Fraction(float(positions[plates.frames.numbers.index(first)]))
        speed *= Fraction(settings.driver_speed)
    return start_of(path) + (place - 1) / own, float(speed)
