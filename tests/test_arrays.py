"""Reading ``.npz`` files: what would fill the memory, could run code or is no array is refused, and not unpacked."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from ofx_reenact.arrays import check_shapes, read_arrays, text_in
from ofx_reenact.errors import ReenactError, TrackingError


def read(path):
    return read_arrays(path, what="set", hint="make it again", error=TrackingError)


def npy(header: str, values: bytes = b"") -> bytes:
    line = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line + values


def archive(path, members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return path


def test_arrays_are_read_as_numpy_writes_them(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "none": np.zeros((0, 4)), "text": np.array("Ü 顔"), "n": np.int64(3)}
    arrays["f"] = np.asfortranarray(arrays["a"])
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        found = read(tmp_path / "x.npz")
        assert found.keys() == arrays.keys()
        assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert text_in(found["text"]) == "Ü 顔"
    assert read_arrays(tmp_path / "x.npz", what="set", hint="", names={"a", "z"}).keys() == {"a"}


_HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (200000000,), }"


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.npy": npy(_HUGE) + bytes(200_000_000)}, "would take 190 MiB of memory"),
        ({f"{i}.npy": npy(_HUGE.replace("200", "20", 1)) + bytes(20_000_000) for i in range(9)}, "would take 171 MiB"),
        ({"a.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 478, 3), }")}, "does not fit"),
        ({"a.npy": npy("{'descr': '<U99999999', 'fortran_order': False, 'shape': (), }")}, "does not fit"),
        ({"a.npy": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", bytes(8))}, "does not fit"),
        ({"a.npy": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", bytes(8))}, "neither numbers nor"),
        ({"a.npy": npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", bytes(4))}, "neither"),
        ({"a.npy": npy("(" * 5000)}, "not a whole set"),
        ({"a.npy": b"\x93NUMPY\x07\x00" + bytes(20)}, "version"),
        ({"a.npy": b""}, "not a whole set"),
        ({f"{i}.npy": b"" for i in range(10_001)}, "10001 entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_dangerous_arrays_are_refused_before_they_are_unpacked(tmp_path, members, message):
    path = archive(tmp_path / "x.npz", members)
    del members
    tracemalloc.start()
    with pytest.raises(TrackingError, match=rf"x\.npz: .*{message}.*; make it again"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 60_000_000
    tracemalloc.stop()


def test_other_compressions_and_damage_are_explained(tmp_path):
    good = io.BytesIO()
    np.save(good, np.arange(300.0))
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(TrackingError, match="compressed in a way"):
            read(archive(tmp_path / "x.npz", {"a.npy": good.getvalue()}, kind))
    whole = archive(tmp_path / "x.npz", {"a.npy": good.getvalue()}).read_bytes()
    flag, method, data = bytearray(whole), bytearray(whole), bytearray(whole)
    flag[6] |= 1
    flag[whole.rindex(b"PK\x01\x02") + 8] |= 1
    method[whole.rindex(b"PK\x01\x02") + 10] = 99
    data[80] ^= 255
    for damaged in (bytes(flag), bytes(method), bytes(data), whole[:-30], whole[:60], b""):
        (tmp_path / "x.npz").write_bytes(damaged)
        with pytest.raises(TrackingError, match="not a whole set"):
            read(tmp_path / "x.npz")
    with pytest.raises(TrackingError, match="no such set"):
        read(tmp_path / "gone.npz")
    with pytest.raises(TrackingError, match="cannot be read"):
        read(tmp_path)


def test_shapes_are_checked():
    arrays = {"a": np.zeros((3, 68, 2)), "b": np.zeros(3, int), "c": np.array("x"), "d": np.array([1, np.nan])}
    check_shapes(arrays, {"a": "number N 68 2", "b": "whole N", "c": "text"})
    for shapes, message in (
        ({"a": "number N 68 3"}, "expected number N 68 3"), ({"a": "number M 68 2", "d": "number M"}, "array d is"),
        ({"b": "text N"}, "expected text"), ({"a": "whole N 68 2"}, "expected whole"), ({"e": "text"}, "e is missing"),
        ({"d": "number *"}, "not finite, in row 1"), ({"c": "number"}, "expected number"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            check_shapes(arrays, shapes)


@pytest.mark.parametrize("array", [np.array(["x"]), np.array(3), np.array("a\0b"), np.array("\ud800"), np.array(b"x")])
def test_only_text_is_accepted_as_text(array):
    with pytest.raises(ValueError, match=r"expected text|zero byte|surrogates"):
        text_in(array)


def test_errors_have_the_class_that_the_caller_gives(tmp_path):
    with pytest.raises(ReenactError, match="no such list; ask"):
        read_arrays(tmp_path / "gone", what="list", hint="ask")
