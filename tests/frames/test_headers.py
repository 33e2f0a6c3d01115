"""Headers: which attributes of a plate its frames keep, whatever the plate has."""

import dataclasses

import numpy as np
import OpenImageIO as oiio
import pytest
from exr_bytes import EVERY_TYPE, HALF, exr_bytes, floats, ints

from ofx_reenact.errors import OutputError
from ofx_reenact.frames.plate import Plate, read_plate
from ofx_reenact.frames.write import write_frame


def write(path, plate: Plate):
    channels = {name: plate.rgb[..., index] for index, name in enumerate(plate.channels)}
    write_frame(path, plate, channels, formats=dict.fromkeys(channels, "float"), attributes={})
    return {attribute.name: attribute for attribute in oiio.ImageInput.open(str(path)).spec().extra_attribs}


@pytest.mark.parametrize("attribute", EVERY_TYPE, ids=[str(one[0]) for one in EVERY_TYPE])
def test_a_frame_is_written_for_a_plate_with_any_attribute(attribute, tmp_path):
    (tmp_path / "plate.exr").write_bytes(exr_bytes([attribute]))
    plate = read_plate(tmp_path / "plate.exr")
    written = write(tmp_path / "out.exr", plate)
    assert np.array_equal(read_plate(tmp_path / "out.exr").rgb, plate.rgb)
    source = {one.name: one.value for one in oiio.ImageInput.open(str(plate.path)).spec().extra_attribs}
    if kept := EVERY_TYPE[attribute]:
        assert written[kept].value == source[kept]
    else:
        assert not {str(attribute[0]), f"openexr:{attribute[0]}"} & set(written)
    told = [note for note in plate.notes if "type that EXR does not define" in note]
    assert len(told) == (attribute[1] == "studiotype")


def test_all_attributes_together(tmp_path):
    some = [one for one in EVERY_TYPE if one[0] not in ("tiles", "type", "name")]
    (tmp_path / "plate.exr").write_bytes(exr_bytes(some))
    written = write(tmp_path / "out.exr", read_plate(tmp_path / "plate.exr"))
    assert {kept for one in some if (kept := EVERY_TYPE[one])} <= set(written)


def test_an_aces_container_is_rendered(tmp_path):
    """The frame has channels that the ACES standard does not allow, so its flag is dropped."""
    (tmp_path / "plate.exr").write_bytes(exr_bytes([("acesImageContainerFlag", "int", ints(1))], kind=HALF))
    plate = read_plate(tmp_path / "plate.exr")
    assert plate.depth == "half" and "acesImageContainerFlag" not in write(tmp_path / "out.exr", plate)


def test_errors_of_a_header_are_not_reported_as_a_full_disk(tmp_path):
    (tmp_path / "plate.exr").write_bytes(exr_bytes())
    plate = read_plate(tmp_path / "plate.exr")
    header = oiio.ImageSpec(plate.attributes)
    header.attribute("acesImageContainerFlag", 1)
    for spoilt, reason in ((header, "ACES"), (_texture(plate), "the file is empty")):
        with pytest.raises(OutputError, match=reason) as error:
            write(tmp_path / "out.exr", dataclasses.replace(plate, attributes=spoilt))
        assert "disk" not in str(error.value) and not list(tmp_path.glob("out*"))


def _texture(plate):
    """Make an ImageSpec that OpenImageIO would write as tiles, which it is not given."""
    header = oiio.ImageSpec(plate.attributes)
    header.attribute("textureformat", "Plain Texture")
    return header


@pytest.mark.parametrize("rate", [(0, 1), (-24, 1), (24, 0)])
def test_an_invalid_rate_is_ignored(rate, tmp_path):
    path = tmp_path / "plate.exr"
    path.write_bytes(exr_bytes([("framesPerSecond", "rational", ints(*rate))]))
    assert read_plate(path).fps is None


@pytest.mark.parametrize("value", [np.inf, np.nan, -1.0])
def test_a_rate_that_is_not_a_number_is_ignored(value, tmp_path):
    path = tmp_path / "plate.exr"
    path.write_bytes(exr_bytes([("framesPerSecond", "float", floats(value))]))
    assert read_plate(path).fps is None
