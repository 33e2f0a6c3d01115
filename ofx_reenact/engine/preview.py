"""The preview movie of a render: its pictures, and where its sound comes from."""

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

# Sound is played if its speed differs from normal by at most this fraction: 24 fps shown at 25 fps is 4 % faster.
_SPEED_TOLERANCE = 0.05

Note = Callable[[str], None]


class Preview:
    """The preview movie; for a moving target, the plate's picture is shown above the result.

    Use as a context manager: the file is written whole or not at all.
    """

    def __init__(
        self, path: Path, settings: Settings, plates: Plates, performance: Performance, plan: Plan, colour: Colour,
        note: Note,
    ) -> None:  # fmt: skip
        """Prepare the movie of a plan's ``todo`` frames; ``note`` is called with notes on the sound for the user."""
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
            OutputError: the movie cannot be written.
        """
        target = self._plates.first
        shown = target.squeeze.stretch_picture(self._colour.to_display(result.colour[..., :3], target.space))
        if self._plates.moving:
            shown = stack(self._plates.picture(frame).show(self._colour), shown)
        self._movie.write(shown)


def check_sound(settings: Settings) -> None:
    """Open and close the file of ``--sound``, so that a bad one is found before anything is rendered.

    Raises:
        FrameError: the file does not exist or has no sound.
    """
    if settings.sound and settings.preview_sound != "none":
        from ofx_reenact.frames.sound import Sound

        Sound(Path(settings.sound), 0, 1.0, lambda text: None).close()


def find_sound(
    settings: Settings, plates: Plates, performance: Performance, plan: Plan, rate: Fraction, note: Note
) -> Sound | None:
    """Find the sound of a plan's ``todo`` frames, which are shown at ``rate`` a second; None for a silent preview.

    Calls ``note`` with the reason if the requested sound does not exist, or if a sound does not fit the frames.
    """
    if settings.preview_sound == "none":
        return None
    from ofx_reenact.frames.sound import Sound, has_sound

    first = plan.todo.first
    if settings.sound:
        begins = min(plan.states) if settings.sound_start is None else settings.sound_start
        path, start, speed = Path(settings.sound), Fraction(first - begins) / rate, 1.0
    else:
        order = _sound_order(settings, plates)
        files = {"driver": settings.driver, "target": settings.target if plates.moving else ""}
        source = next((one for one in order if files[one] and has_sound(Path(files[one]))), "")
        if not source:
            if settings.preview_sound != "auto":
                note(f"--preview-sound {settings.preview_sound}: no sound was found; the preview is silent")
            return None
        path = Path(files[source])
        start, speed = _sound_position(source, path, settings, plates, performance, first, rate)
    if len(plan.todo) != plan.todo.last - first + 1:
        note(f"{path}: frames are missing between those of the preview; it is silent")
        return None
    if abs(speed - 1) > _SPEED_TOLERANCE:
        note(f"{path}: its frames are shown at {speed:.3g} times their speed; the preview is silent")
        return None
    if speed != 1:
        note(f"{path}: its frames are shown at {speed:.4g} times their speed, and so is its sound")
    try:
        return Sound(path, start, speed, note)
    except FrameError as error:
        note(f"{error}; the preview is silent")
        return None


def _sound_order(settings: Settings, plates: Plates) -> tuple[str, ...]:
    """Return ``driver`` and ``target`` in the order in which their sound is looked for."""
    if settings.preview_sound != "auto":
        return (settings.preview_sound,)
    speaks = settings.regions != "eyes" and settings.weight_mouth > 0 and settings.strength > 0
    return ("driver", "target") if speaks else ("target", "driver")


def _sound_position(
    source: str, path: Path, settings: Settings, plates: Plates, performance: Performance, first: int, rate: Fraction
) -> tuple[Fraction, float]:
    """Return the time in a video, in seconds, at which frame ``first`` begins, and the playback speed; 1 is normal."""
    from ofx_reenact.frames.sound import start_of

    source_rate = (plates.sequence.fps if source == "target" else performance.rate) or rate
    position, speed = Fraction(first), rate / source_rate
    if source == "driver" and plates.moving:
        positions = driver_positions(plates.frames.numbers, performance.frames, settings)
        position = Fraction(float(positions[plates.frames.numbers.index(first)]))
        speed *= Fraction(settings.driver_speed)
    return start_of(path) + (position - 1) / source_rate, float(speed)
