"""The JSON Schema of the engine's protocol, against what is really said."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import DRIVER, TARGET
from hands import make_still, rgba_of
from jobs import job
from test_frame_requests import GOOD, NO_PIXELS

from ofx_reenact.errors import ReenactError
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.service.client import outcome
from ofx_reenact.service.frame_client import request_frame
from ofx_reenact.service.jobs import JOBS

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: pip install 'ofx-reenact[test]'")
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "engine.json").read_text(encoding="utf-8"))


def validator(name: str = ""):
    whole = SCHEMA if not name else {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"}
    return jsonschema.Draft202012Validator(whole)


class Piped:
    """An engine at the end of pipes; everything that either says is looked at."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ofx_reenact", "engine", "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.number, self.seen = 0, []
        self.event()

    def event(self) -> dict:
        event = json.loads(self.process.stdout.readline())
        validator().validate(event)
        validator("event").validate(event)
        self.seen.append(event)
        return event

    def send(self, do: str, **fields) -> int:
        self.number += 1
        request = {"id": self.number, "do": do, **fields}
        validator().validate(request)
        validator("request").validate(request)
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.number

    def ask(self, do: str, **fields) -> dict:
        number = self.send(do, **fields)
        while (event := self.event())["id"] != number or event["event"] in ("progress", "alive"):
            pass
        if event["event"] == "done" and (name := f"done_{do}") in SCHEMA["$defs"]:
            validator(name).validate(event)
        return outcome(event)


@pytest.fixture(scope="module")
def engine():
    made = Piped()
    yield made
    made.ask("quit")
    made.process.wait(60)


@pytest.fixture(scope="module")
def settings(tmp_path_factory, linear, performance_file) -> dict:
    folder = tmp_path_factory.mktemp("said")
    made = job(folder, performance_file, target=make_still(folder / "still.exr", linear), repair="off")
    return {**made.as_dict(), "output": ""}


def test_it_is_a_schema_and_knows_every_request():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    said = {one["$ref"].rpartition("_")[2] for one in SCHEMA["$defs"]["request"]["oneOf"]}
    assert said == {*JOBS, "cancel", "quit"}


def test_what_is_really_said(engine, settings, tmp_path):
    own = rgba_of(read_plate(settings["target"]))
    kept = np.zeros(own.shape[:2], np.float32)
    curves = {"strength": {"interpolation": "smooth", "frames": {"1": 0.5, "40": 1}}}
    for pixels, more in ((own, {}), (own.astype(np.float16), {"holdout": kept, "curves": curves, "space": "ACEScg"})):
        assert request_frame(engine, settings, 36, pixels, **more).state == "tracked"
    for frame, curves in ((99, None), (36, {"neck": {"frames": {"1": 99}}})):
        with pytest.raises(ReenactError):
            request_frame(engine, settings, frame, own, curves=curves)
    memory = tmp_path / "memory"
    memory.write_bytes(own.tobytes())
    memory.chmod(0o600)
    plane = {"offset": 0, "stride": own.shape[1] * 16}
    pixels = {
        "mapping": str(memory), "size": own.nbytes, "width": own.shape[1], "height": own.shape[0], "depth": "float",
        "alpha": "opaque", "scale": [1, 1], "source": plane,
    }  # fmt: skip
    file = str(tmp_path / "p.####.exr")
    engine.ask("store", file=file, frame=3, pixels=pixels, space="ACEScg", fps=24, aspect=1.0)
    engine.ask("open", settings=settings)
    engine.ask("show", settings=settings, frame=36, what="plate", longest=64, alive=0.5)
    engine.ask("curves", performance=settings["performance"])
    engine.ask("page", settings={"target": str(TARGET)}, browser=False)
    new = {"driver": str(DRIVER), "performance": str(tmp_path / "p.npz")}
    tracked, before = engine.send("analyse", settings=new, alive=0.1), len(engine.seen)
    while {event["event"] for event in engine.seen[before:]} != {"alive", "progress"}:
        engine.event()
    engine.ask("cancel", job=tracked)
    while engine.seen[-1]["event"] != "cancelled":
        engine.event()
    kinds = {event["event"] for event in engine.seen}
    assert kinds == {"hello", "progress", "alive", "done", "error", "cancelled"}


@pytest.mark.parametrize(("name", "value", "said"), NO_PIXELS)
def test_pixels_that_the_engine_refuses_by_themselves_are_none_of_the_schema(name, value, said):
    assert validator("pixels").is_valid(GOOD)
    # No schema can say that rows end within their strides and all within the memory, nor that 48.0 is no whole number.
    beyond = ("ends at byte", "stride 63", "stride 16", "size 48.0")
    if not any(words in said for words in beyond) and "nan" not in str(value):
        assert not validator("pixels").is_valid({**GOOD, name: value})
