"""Ways to damage a file: its bytes, and what they mean. Each takes a random generator and gives new bytes."""

import io
import json
import math
import random
import struct
import zipfile
from typing import Any

import numpy as np

# What a value may be replaced by, whatever it was.
ODD = (
    None, True, -1, 0, 1, 3, 1e30, -1e30, 2**40, 2**70, 1e308, math.nan, math.inf, "", "x", "\0", "1/0", "9" * 400, [],
    {}, [[]], [None], {"a": 1}, "\ud800", "../../x", "1-99999999999", "*", [1, 2, 3],
)  # fmt: skip
FILLS = (0.0, 1e30, -1e30, math.nan, math.inf, -1.0, 0.5, 3.0, 255.0)


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, cut off, cut out, insert, overwrite or repeat."""
    made, at = bytearray(data), rng.randrange(max(1, len(data)))
    length = min(rng.choice((1, 2, 8, 64, 700)), max(1, len(data) - at))
    way = rng.randrange(7)
    if way == 0:
        for _ in range(rng.choice((1, 3, 20))):
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    elif way == 1:
        del made[at:]
    elif way == 2:
        del made[at : at + length]
    elif way == 3:
        made[at:at] = rng.randbytes(length)
    elif way == 4:
        made[at : at + length] = rng.choice((b"\0", b"\xff", b"\x80", b"[", b'"')) * length
    elif way == 5:
        made[at:at] = made[at : at + length] * rng.choice((1, 5))
    else:
        # Most of what a reader trusts stands at the beginning.
        made[rng.randrange(min(200, len(made)))] = rng.randrange(256)
    return bytes(made)


def damage_json(data: bytes, rng: random.Random) -> bytes:
    """Replace, remove or add one value somewhere in a JSON text; nest it deeply; or make a number long."""
    way = rng.randrange(12)
    if way == 0:
        deep = rng.choice((100, 2_000, 100_000))
        return b'{"schema": ' + b"[" * deep + b"]" * deep + b"}"
    if way == 1:
        return data.replace(b"1", b"9" * rng.choice((30, 5000)), 1)
    content = json.loads(data)
    places = list(_places(content))
    holder, key = rng.choice(places)
    if way in (2, 3):
        del holder[key]
    elif way == 4 and isinstance(holder, dict):
        holder[rng.choice(("extra", "", "\0", "-1", "1e9", "x" * 5000, "99999999999"))] = rng.choice(ODD)
    elif way == 5:
        holder[key] = [holder[key]] * rng.choice((1, 70))
    elif way == 6 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        holder[key] = holder[key] * rng.choice((-1, 1e3, 1e9, 1e18)) + rng.choice((0, 0.5))
    else:
        holder[key] = rng.choice(ODD)
    return json.dumps(content, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")


def _places(content: Any) -> Any:
    """Yield every container with each of its keys."""
    waiting = [content]
    while waiting:
        one = waiting.pop()
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            yield one, key
            if isinstance(value, dict | list) and value:
                waiting.append(value)


def damage_array(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """Change an array's type, shape or values."""
    way = rng.randrange(9) if array.ndim else rng.choice((0, 1, 2, 5, 6, 7, 8))
    if array.dtype.kind in "US":
        text = rng.choice(("", "x", "1/0", "0/1", "99999999999/1", "\ud800", "{", "[" * 3000, "é\nü", "-1"))
        return np.array(rng.choice((text, 3, 1.5, [text, text], True)))
    if way == 0:
        return array.astype(rng.choice(("float16", "int8", "uint8", "bool", "complex64", "float64", ">f8", "U5", "S3")))
    if way == 1:
        return array[None] if rng.random() < 0.5 else np.atleast_1d(array)[: rng.randrange(3)]
    if way == 2:
        return np.zeros(rng.choice(((), (0,), (3,), (2, 2), (0, 68, 2), (1, 478, 3))), array.dtype)
    if way == 3 and array.ndim:
        return np.concatenate([array, array[-1:]])
    if way == 4:
        return np.swapaxes(array, 0, -1) if array.ndim > 1 else array[::-1]
    made = np.atleast_1d(array.astype(np.float64) if way > 6 and array.dtype.kind != "b" else array.copy())
    with np.errstate(all="ignore"):
        value = np.float64(rng.choice(FILLS)).astype(made.dtype)
        if way == 5:
            made[...] = value
        elif made.size:
            made.reshape(-1)[rng.randrange(made.size)] = value
    return made.reshape(array.shape) if made.size == array.size else made


def damage_npz(data: bytes, rng: random.Random) -> bytes:
    """Change, drop or add an array of an ``.npz``; lie in a header; pack it in another way."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    name, way = rng.choice(list(arrays)), rng.randrange(12)
    sink = io.BytesIO()
    if way == 0:
        del arrays[name]
    elif way == 1:
        arrays[name] = np.array([{"a": 1}], dtype=object)
    elif way == 2:
        return _lie(data, name, rng)
    elif way == 3:
        return _packed(data, rng)
    else:
        arrays[name] = damage_array(arrays[name], rng)
    try:
        np.savez(sink, **arrays)
    except UnicodeEncodeError:
        return data[: len(data) // 2]
    return sink.getvalue()


def _lie(data: bytes, name: str, rng: random.Random) -> bytes:
    """Let an array's header say another shape or type."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == f"{name}.npy":
                said = rng.choice((
                    "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 478, 3), }",
                    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
                    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
                    "{'descr': '<U999999999', 'fortran_order': False, 'shape': (), }",
                    "{'descr': [('a', '<f4')], 'fortran_order': True, 'shape': (2,), }",
                    "{'descr': '<f4', 'fortran_order': 3, 'shape': 'x', }",
                    "(" * 4000, "{'shape': " + "-" * 5000 + "1}", "", "\xff",
                ))  # fmt: skip
                header = said.encode("latin-1") + b"\n"
                content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content[128:]
            made.writestr(entry.filename, content)
    return sink.getvalue()


def _packed(data: bytes, rng: random.Random) -> bytes:
    """Pack it as numpy does not, name an array twice, or have it unpack to very much."""
    sink, way = io.BytesIO(), rng.randrange(4)
    kind = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED)[way]
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(sink, "w", kind) as made:
        for entry in source.infolist():
            made.writestr(entry.filename, source.read(entry))
        if way == 2:
            made.writestr("frames.npy", b"x")
        if way == 3:
            header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (150000000,), }\n"
            begun = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
            made.writestr("large.npy", begun + bytes(150_000_000))
    return sink.getvalue()


def damage_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Change, drop or add a tensor or the metadata of a safetensors file; lie in its header."""
    from safetensors.numpy import load, save

    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    about = header.get("__metadata__", {})
    way = rng.randrange(9)
    if way == 0:
        return struct.pack("<Q", rng.choice((0, 1, size + 1, 2**40, 2**63))) + data[8:]
    if way == 1:
        said = damage_json(json.dumps(header).encode(), rng)
        return struct.pack("<Q", len(said)) + said + data[8 + size :]
    tensors = dict(load(data))
    name = rng.choice(list(tensors))
    if way == 2:
        del tensors[name]
    elif way == 3:
        tensors[rng.choice(("extra", "dictionary.9", "adapters.x.a", "adapters", ""))] = np.zeros((2, 2), np.float32)
    elif way == 4 and about:
        key = rng.choice(list(about))
        about[key] = rng.choice(("", "x", "[]", "[1]", '["a", 2]', "-1", "1e9", "99999", "[" * 3000, "[1e30, 2]"))
        if rng.random() < 0.3:
            del about[key]
    elif way == 5:
        # One number of a shape decides how large a network is made.
        shape = list(tensors[name].shape) or [1]
        shape[rng.randrange(len(shape))] *= rng.choice((0, 2, 500))
        tensors[name] = np.zeros(shape if math.prod(shape) < 4_000_000 else [0, *shape], tensors[name].dtype)
    else:
        array = damage_array(tensors[name], rng)
        tensors[name] = array.astype(array.dtype.newbyteorder("=")) if array.dtype.kind in "fiub" else np.zeros(2)
    return save({k: np.ascontiguousarray(v) for k, v in tensors.items()}, metadata=about or None)
