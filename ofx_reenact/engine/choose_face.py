"""Choose the face that a tracker follows: look up ``--face`` or ``--target-face`` in the pictures before tracking."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from ofx_reenact.errors import TrackingError
from ofx_reenact.frames.aspect import Squeeze
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.picture import read_shown
from ofx_reenact.frames.plate import Plate
from ofx_reenact.frames.ranges import FrameRange
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.settings import Settings
from ofx_reenact.settings.face import FaceChoice
from ofx_reenact.tracking.chosen import Chosen, nearest
from ofx_reenact.tracking.face_groups import FoundPerson, crop_face, find_faces
from ofx_reenact.tracking.face_look import STRANGER, UNLIKE, FaceLook, likeness
from ofx_reenact.tracking.same_person import SeenFace

# At most so many frames of a sequence, evenly spread, are searched for people.
SAMPLES = 60
# If the likenesses of two people to a picture differ by less than this, the choice is uncertain.
_UNCERTAIN = 0.1
_LIST_HINT = "'ofx-reenact track --faces FILE' lists the faces"

Images = Callable[[FrameRange], Iterable[tuple[int, np.ndarray | None]]]


def choose_face(
    settings: Settings, driver: Sequence, first: Plate, colour: Colour, images: Images, note: Callable[[str], None]
) -> Chosen:
    """Return which face of a driver is followed.

    Args:
        settings: ``face`` is the choice; also ``tracker``, and how the driver is read.
        driver: the driver's files.
        first: the header of the driver's first frame.
        colour: the colour config.
        images: yields frames and their pictures as a tracker sees them, (H, W, 3) uint8 RGB; None if there is no file.
        note: called with each note on the choice for the user.

    Raises:
        SettingsError, TrackingError, FrameError: the position is outside the picture, the frame does not exist or shows
            no face, or nobody looks like the picture.
    """
    choice = FaceChoice.parse(settings.face)
    if settings.tracker == "file":
        return Chosen()
    if choice.picture:
        look = read_look(choice.picture, colour)
        faces = find_faces(images(sample_frames(driver.frames)), _make_finder())
        person = _find_most_alike(look, faces.people, choice.picture, driver.name, note)
        others = [portrait for one in faces.beside(person) for portrait in one.portraits]
        return Chosen(portraits=tuple(person.portraits), others=tuple(others))
    if choice.position is None:
        return Chosen(choice.number)
    place = to_square_position(choice, first, driver.name)
    if choice.frame is None:
        return Chosen(place=place)
    if choice.frame not in driver.frames.numbers:
        raise TrackingError(
            f"{driver.name}: has no frame {choice.frame}; choose the face in one of the frames {driver.frames}"
        )
    image = next(image for _, image in images(FrameRange((choice.frame,))))
    found = [] if image is None else _make_finder()(image)
    number = nearest([face.box for face in found], place)
    if image is None or number is None:
        raise TrackingError(
            f"{driver.name}: frame {choice.frame} shows no face that could be chosen; name a frame that shows the "
            f"person: {_LIST_HINT}"
        )
    others = [crop_face(image, face.box) for i, face in enumerate(found) if i != number and _is_clear(face)]
    return Chosen(portraits=(crop_face(image, found[number].box),), others=tuple(others))


def choose_in_still(settings: Settings, shown: np.ndarray, first: Plate, frame: int, colour: Colour) -> Chosen:
    """Return which face of one picture is tracked.

    Args:
        settings: ``target_face`` is the choice.
        shown: the picture, (H, W, 3) uint8 RGB, as a tracker sees it.
        first: the picture's header.
        frame: the picture's frame number.
        colour: the colour config.

    Raises:
        TrackingError: the position is outside the picture or in another frame; the person's picture shows no face; or
            no face in the target looks like it.
    """
    choice = FaceChoice.parse(settings.target_face)
    if choice.frame not in (None, frame):
        raise TrackingError(
            f"{first.path}: --target-face names frame {choice.frame}, but the target is frame {frame}; leave out "
            f"@{choice.frame}"
        )
    if choice.position is not None:
        return Chosen(place=to_square_position(choice, first, str(first.path)))
    if not choice.picture:
        return Chosen(choice.number)
    look, found = read_look(choice.picture, colour), _make_finder()(shown)
    likes = [likeness(face.look, [look]) if face.look is not None and _is_clear(face) else -1.0 for face in found]
    if not found:
        return Chosen()
    box = found[int(np.argmax(likes))].box
    if max(likes) < STRANGER:
        raise TrackingError(_no_likeness(str(first.path), choice.picture))
    return Chosen(place=(float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2))


def to_square_position(choice: FaceChoice, plate: Plate, name: str) -> tuple[float, float]:
    """Convert a chosen position from the file's pixels to square pixels.

    Raises:
        TrackingError: it is outside the picture.
    """
    assert choice.position is not None
    (x, y), width, height = choice.position, plate.display_window.width, plate.display_window.height
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise TrackingError(
            f"{name}: position {x:g},{y:g} is outside the picture, which is {width}×{height} pixels with (0, 0) at the "
            "upper left"
        )
    square = Squeeze.of_plate(plate).to_square(np.array([x, y]))
    return float(square[0]), float(square[1])


def sample_frames(frames: FrameRange) -> FrameRange:
    """Return at most :data:`SAMPLES` frames, evenly spread, the first included."""
    return FrameRange(frames.numbers[:: sample_step(frames)])


def sample_step(frames: FrameRange) -> int:
    """Return the step from one sampled frame to the next, in frames."""
    return -(-len(frames) // SAMPLES)


def read_look(path: str, colour: Colour) -> FaceLook:
    """Return the look of the largest face in a picture.

    Raises:
        FrameError: the picture cannot be read.
        TrackingError: it shows no face, or one that is too dark or turned away.
    """
    files = Sequence.open(path)
    faces = [face for face in _make_finder()(read_shown(files, files.frames.first, colour)) if _is_clear(face)]
    if not faces or faces[0].look is None:
        raise TrackingError(
            f"{path}: shows no face by which a person could be found; give a picture of the face from the front"
        )
    return faces[0].look


def _find_most_alike(
    look: FaceLook, people: list[FoundPerson], picture: str, name: str, note: Callable[[str], None]
) -> FoundPerson:
    """Return the person whose look is most like a given one."""
    known = [(likeness(look, one.looks), -number, one) for number, one in enumerate(people) if one.looks]
    if not known:
        raise TrackingError(
            f"{name}: no face was found in the frames that were searched; check that the pictures show faces, and "
            "their colour space"
        )
    best, *rest = sorted(known, key=lambda one: one[:2], reverse=True)
    if best[0] < STRANGER:
        raise TrackingError(_no_likeness(name, picture))
    if best[0] < UNLIKE or (rest and rest[0][0] > best[0] - _UNCERTAIN):
        note(
            f"{name}: the person who looks most like {picture} is followed, but the choice is uncertain; check with "
            f"'track --overlay', or choose the face by X,Y@FRAME: {_LIST_HINT}"
        )
    return best[2]


def _no_likeness(name: str, picture: str) -> str:
    return (
        f"{name}: nobody looks like the face in {picture}; choose another picture of the person, or the face by "
        f"X,Y@FRAME: {_LIST_HINT}"
    )


def _is_clear(face: SeenFace) -> bool:
    return face.look is not None and face.look.is_usable


def _make_finder() -> Callable[[np.ndarray], list[SeenFace]]:
    """Return a function that finds the faces of a picture; its import is slow, and most renders do not need it."""
    from ofx_reenact.tracking.facemesh import FaceMesh

    return FaceMesh().faces
