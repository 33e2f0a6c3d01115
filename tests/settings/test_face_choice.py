"""Choosing a face: how it is written, that whole numbers of earlier versions work, and when the value is a path."""

from pathlib import Path

import pytest

from ofx_reenact.errors import SettingsError
from ofx_reenact.provenance import MadeOf, Source
from ofx_reenact.settings import Settings, describe, paths_in
from ofx_reenact.settings.face import FaceChoice
from ofx_reenact.settings.paths import absolute


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2", FaceChoice(2)),
        ("", FaceChoice(1)),
        ("960,540.5", FaceChoice(position=(960.0, 540.5))),
        (" 960, 540 @ 1001", FaceChoice(position=(960.0, 540.0), frame=1001)),
        ("-3,0@-5", FaceChoice(position=(-3.0, 0.0), frame=-5)),
        ("bob.png", FaceChoice(picture="bob.png")),
        ("./2", FaceChoice(picture="./2")),
        ("/s/take@2x/who,1.exr", FaceChoice(picture="/s/take@2x/who,1.exr")),
    ],
)
def test_texts_are_parsed(text, meant):
    assert FaceChoice.parse(text) == meant


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5", "1,2,3", "1,", ",2", "1,2@", "1,2@3.5", "5@1", "9999999,1", "@", "1 2"]
)
def test_other_texts_are_refused(text):
    with pytest.raises(SettingsError, match="names no face: give a number from 1, a position"):
        FaceChoice.parse(text)
    with pytest.raises(SettingsError, match="--target-face"):
        Settings(target_face=text)


def test_whole_numbers_of_earlier_versions_are_accepted():
    assert Settings.from_dict({"face": 2, "target_face": 1}) == Settings(face="2", target_face="1")
    for wrong in (True, 1.0, None, [1]):
        with pytest.raises(SettingsError, match="--face"):
            Settings.from_dict({"face": wrong})


def test_only_a_picture_is_a_path():
    settings = Settings(face="960,540@12", target_face="who.png")
    assert paths_in(settings.as_dict(), "read") == ["who.png"]
    assert (absolute(settings).face, absolute(settings).target_face) == ("960,540@12", str(Path.cwd() / "who.png"))
    about = {one["name"]: one for one in describe()["options"]}["face"]
    assert (about["type"], about["default"], about["path"]) == ("text", "1", True) and about["unless"]


def test_a_file_made_for_one_face_is_not_used_for_another():
    def made(settings=None, **inputs):
        return MadeOf({name: Source(path, "ab") for name, path in inputs.items()}, settings or {})

    by_number, by_picture = made({"face": 2}, driver="d"), made(driver="d", face="bob.png")
    assert by_number.describe_other_inputs(made({"face": 2}, driver="d")) == []
    assert by_number.describe_other_inputs(made({"face": 1}, driver="d")) == [], "the default is not compared"
    assert by_number.describe_other_inputs(made({"face": "9,9"}, driver="d")) == ["made with --face 2, not 9,9"]
    assert by_number.describe_other_inputs(by_picture) == ["made without --face bob.png"]
    assert by_picture.describe_other_inputs(by_number) == ["made with --face bob.png, not 2"]
    assert by_picture.describe_other_inputs(by_picture) == []
    assert by_picture.describe_other_inputs(made({"face": 1}, driver="d")) == []
