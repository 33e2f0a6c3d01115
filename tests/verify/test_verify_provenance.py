"""Verify of the frames' attributes: number, pixels, face and sidecar must agree."""

import json
import shutil
from pathlib import Path

import OpenImageIO as oiio
import pytest
from rendered import bad, copied, edit_sidecar, make_sequence, paint, rewrite, swap

from ofx_reenact.frames.names import frame_path
from ofx_reenact.provenance.attributes import FACE, FRAME, MADE_OF, PARTS, PIXELS
from ofx_reenact.publish.options import Options
from ofx_reenact.publish.pyblish_run import publish
from ofx_reenact.verify.report import verify

ALL = range(30, 36)


def said(sequence: str, **options) -> str:
    """The problem that the check ``provenance`` finds; all other checks are good."""
    found = bad(verify(sequence, **options))
    assert set(found) <= {"provenance"}
    return "\n".join(found.get("provenance", ()))


def erase(sequence: str, frame: int, *names: str) -> None:
    """Remove attributes from a frame's header, also the digest if it is given."""
    buffer = oiio.ImageBuf(str(frame_path(sequence, frame)))
    for name in names:
        buffer.specmod().erase_attribute(name)
    assert buffer.write(str(frame_path(sequence, frame))), buffer.geterror()


def test_every_frame_has_number_digest_and_face(sequence):
    for frame in ALL:
        spec = oiio.ImageInput.open(str(frame_path(sequence, frame))).spec()
        assert (spec.getattribute(FRAME), spec.getattribute(FACE)) == (frame, "tracked")
        assert len(spec.getattribute(PIXELS)) == 64


def test_swapped_frames(spoilt):
    swap(spoilt, 31, 34)
    found = said(spoilt)
    assert "frame 31: was rendered as frame 34" in found and "frame 34: was rendered as frame 31" in found


def test_a_painted_pixel(spoilt):
    paint(spoilt, 33)
    assert said(spoilt) == "frame 33: its pixels are not those that were rendered"


def test_a_pixel_painted_into_another_compression(spoilt):
    paint(spoilt, 33, compression="piz")
    assert said(spoilt) == "frame 33: its pixels are not those that were rendered"
    paint(spoilt, 32, compression="dwaa")
    assert said(spoilt) == "frames 32-33: its pixels are not those that were rendered"


@pytest.mark.parametrize("name", [FRAME, PIXELS, FACE])
def test_an_attribute_that_one_frame_lost(spoilt, name):
    erase(spoilt, 33, name)
    assert said(spoilt) == f"frame 33: no attribute {name}, as other frames have"


def test_a_frame_written_again_with_the_same_pixels(spoilt):
    """A note only: another program wrote the header, and all attributes are right."""
    rewrite(spoilt, 33, lambda spec, pixels: spec.attribute("Software", "OpenImageIO 3 : oiiotool a -o b"))
    assert said(spoilt) == ""
    notes = verify(spoilt).answers["provenance"].notes
    assert notes == ("frame 33: the file was written again by OpenImageIO 3 : oiiotool a -o b",)


def test_a_frame_of_another_sequence(spoilt, performance_file, tmp_path):
    other = make_sequence(tmp_path / "other", performance_file, frames="34")
    shutil.copy(frame_path(other, 34), frame_path(spoilt, 33))
    assert "frame 33: was rendered as frame 34" in "\n".join(bad(verify(spoilt))["provenance"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"confidence": 0.5}, "another confidence than the sidecar says"),
        ({"face": "held"}, "the driver's face was tracked, the sidecar says held"),
    ],
)
def test_an_edited_sidecar(spoilt, change, says):
    edit_sidecar(spoilt, lambda content: content["frames"]["33"].update(change))
    assert f"frame 33: {says}" in "\n".join(bad(verify(spoilt))["provenance"])
    # Without the performance, only the frame's attribute tells how its face was found.
    edit_sidecar(spoilt, lambda content: content["settings"].update(performance=""))
    assert f"frame 33: {says}" in said(spoilt)


def test_parts_are_the_same_in_frame_and_sidecar(spoilt):
    """For frames with parts from other frames, and for frames without."""
    rewrite(spoilt, 33, lambda spec, pixels: spec.attribute(PARTS, "mouth=1012,eye_left=smile.jpg"))
    parts = "mouth=1012,eye_left=smile.jpg"
    assert said(spoilt) == f"frame 33: parts were taken from {parts}, the sidecar says no other frame"
    edit_sidecar(spoilt, lambda content: content["frames"]["33"].update(parts=parts))
    assert said(spoilt) == ""
    edit_sidecar(spoilt, lambda content: content["frames"]["34"].update(parts="mouth=31"))
    assert said(spoilt) == "frame 34: parts were taken from no other frame, the sidecar says mouth=31"


@pytest.mark.parametrize(("kind", "value"), [("string", "one"), ("float", 33.5), ("int[2]", (33, 33))])
def test_an_invalid_frame_number(spoilt, kind, value):
    def change(spec, pixels):
        spec.erase_attribute(FRAME)
        spec.attribute(FRAME, oiio.TypeDesc(kind), value)

    rewrite(spoilt, 33, change)
    assert "frame 33: was rendered as frame" in said(spoilt)


def test_frames_of_the_first_version_are_noted(spoilt):
    for frame in ALL:
        erase(spoilt, frame, FRAME, PIXELS, FACE, MADE_OF)
    assert said(spoilt) == ""
    assert "frames 30-35: rendered by a version that did not write" in verify(spoilt).answers["provenance"].notes[0]
    assert "did not write numbers and digests" in said(spoilt, strict=True)


def test_a_lossy_compression_is_noted(performance_file, tmp_path):
    sequence = make_sequence(tmp_path / "l", performance_file, frames="30-31", compression="dwaa")
    assert said(sequence) == ""
    notes = verify(sequence).answers["provenance"].notes
    assert notes == ("frames 30-31: the header does not tell a digest of its pixels",)
    swap(sequence, 30, 31)
    assert "frame 30: was rendered as frame 31" in said(sequence)


def test_frames_that_are_gone_at_the_ends(spoilt):
    for frame in (30, 35):
        frame_path(spoilt, frame).unlink()
    assert bad(verify(spoilt)) == {"frames": (f"{spoilt}: frames 30,35 of 30-35 missing",)}


def test_publish_checks_it_too(spoilt, tmp_path, no_studio):
    paint(spoilt, 33)
    report = publish(spoilt, Options(target_dir=str(tmp_path / "p")))
    assert list(report["failed"]) == ["ValidateReenactProvenance"] and not (tmp_path / "p").exists()
    assert "its pixels are not those" in report["failed"]["ValidateReenactProvenance"]


def test_a_lost_sidecar_is_rebuilt_from_the_frames(sequence, tmp_path, no_studio):
    """Also how faces were found, without a performance."""
    spoilt = copied(sequence, tmp_path / "s")
    path = Path(spoilt).parent / "o.reenact.json"
    frames = json.loads(path.read_text())["frames"]
    path.unlink()
    publish(spoilt, Options(), run_actions=True)
    assert json.loads(path.read_text())["frames"] == frames
