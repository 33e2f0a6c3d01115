"""The check of a written frame detects every changed byte of its pixels."""

import struct

import numpy as np
import pytest
from conftest import rgb_channels, write_exr

from ofx_reenact.errors import OutputError
from ofx_reenact.frames import write as writing
from ofx_reenact.frames.channels import find_damage
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.write import write_frame

KINDS = {"half": dict.fromkeys("RGB", "half"), "float": dict.fromkeys("RGB", "float"),
         "mixed": {"R": "half", "G": "half", "B": "float"}}  # fmt: skip


@pytest.fixture
def plate(tmp_path):
    """Return a plate with noise, flat areas, infinity and NaN."""
    rgb = np.random.default_rng(2).normal(size=(100, 40, 3)).astype(np.float32)
    rgb[:, 20:] = 0.25
    rgb[0, :3] = np.nan, np.inf, -0.0
    rgb.view(np.uint32)[0, 4] = 0x7F802000  # a NaN whose bits a conversion may change
    return read_plate(write_exr(tmp_path / "plate.exr", rgb_channels(rgb)))


def write(plate, path, kind, compression):
    channels = rgb_channels(plate.rgb)
    write_frame(path, plate, channels, formats=KINDS[kind], attributes={}, compression=compression)


def parts_of(content: bytes, rows: int) -> list[tuple[int, int]]:
    """Return (begin, end) of each block's compressed pixels, in an EXR of 100 rows with ``rows`` rows in a block."""
    blocks = -(-100 // rows)
    first = len(content)
    # The first block begins at the end of the offset table.
    for place in range(8, len(content) - 8):
        first = struct.unpack_from("<Q", content, place)[0]
        if first == place + 8 * blocks:
            break
    starts = struct.unpack_from(f"<{blocks}Q", content, first - 8 * blocks)
    return [(start + 8, start + 8 + struct.unpack_from("<i", content, start + 4)[0]) for start in starts]


@pytest.mark.parametrize(("compression", "rows"), [("none", 1), ("zips", 1), ("zip", 16), ("piz", 32)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_block_is_detected_everywhere(plate, tmp_path, monkeypatch, kind, compression, rows):
    """Damage any byte of the pixels, leave a block unwritten, cut off the end."""
    path, seen = tmp_path / "o.exr", {}
    real = find_damage
    monkeypatch.setattr(writing, "find_damage", lambda file, given: seen.update(given=given) or real(file, given))
    write(plate, path, kind, compression)
    whole, given = path.read_bytes(), seen["given"]
    assert real(path, given) is None
    for number, (begin, end) in enumerate(parts_of(whole, rows)):
        if number % max(1, 20 // rows):
            continue
        for damaged in (
            whole[: begin + (end - begin) // 2] + bytes([whole[begin + (end - begin) // 2] ^ 1])
            + whole[begin + (end - begin) // 2 + 1 :],
            whole[: begin - 8] + bytes(end - begin + 8) + whole[end:],
            whole[: end - 1],
        ):  # fmt: skip
            path.write_bytes(damaged)
            assert real(path, given) is not None


@pytest.mark.parametrize("compression", ["none", "zip", "dwaa"])
def test_a_frame_that_the_disk_changed_is_not_kept(plate, tmp_path, monkeypatch, compression):
    """The disk changes the frame between writing and checking; the earlier frame stays."""
    path = tmp_path / "o.exr"
    write(plate, path, "half", "zip")
    before, real = path.read_bytes(), find_damage

    def spoilt(file, given):
        content = file.read_bytes()
        file.write_bytes(content[:-9] + bytes(9) if given is not None else content[:-9])
        return real(file, given)

    monkeypatch.setattr(writing, "find_damage", spoilt)
    with pytest.raises(OutputError, match=r"o\.exr: cannot be written whole \(.*damaged or not complete"):
        write(plate, path, "half", compression)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["o.exr", "plate.exr"]


def test_channels_with_other_names_or_types_differ(plate, tmp_path):
    path = tmp_path / "o.exr"
    write(plate, path, "half", "zip")
    halves = {name: plane.astype(np.float16) for name, plane in rgb_channels(plate.rgb).items()}
    assert find_damage(path, halves) is None
    for other in (
        {**halves, "B": halves["R"]}, {**halves, "A": halves["R"]}, {name: halves[name] for name in "RG"},
        {name: plane[:-1] for name, plane in halves.items()},
    ):  # fmt: skip
        assert "other pixels" in find_damage(path, other)
