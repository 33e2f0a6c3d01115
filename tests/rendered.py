"""What the tests of verify and publish share: a small rendered sequence, copies of it, ways to spoil it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
from conftest import TARGET, rgb_channels, write_exr

from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.channels import read_channels
from ofx_reenact.frames.digest import pixels_sha256
from ofx_reenact.frames.names import frame_path
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.settings import Settings

FRAMES = "30-35"
CONSENT = {
    "schema": "ofx-reenact/consent/1", "performer": "A. Person", "release": "R-17", "scope": ["shot 10"],
    "expires": "2999-12-31", "sha256": "00" * 32,
}  # fmt: skip
# The validators of a publish.
CHECKED = {
    "Frames", "Finite", "Repeats", "Plate", "Resolution", "Colour", "Timing", "Sidecar", "Origin", "Faces", "Weights",
    "Consent", "Provenance", "Version",
}  # fmt: skip


def make_sequence(folder: Path, performance_file: str, **options) -> str:
    """Render a half plate with windows, rate and timecode of its own; returns the sequence's name."""
    folder.mkdir(parents=True, exist_ok=True)
    rgb = cv2.resize(read_plate(TARGET).rgb, (288, 288), interpolation=cv2.INTER_AREA)
    write_exr(
        folder / "target.exr", rgb_channels(rgb), dict.fromkeys("RGB", "half"),
        {"FramesPerSecond": ("rational", (24000, 1001)), "smpte:TimeCode": ("timecode", (16777216, 0)),
         "oiio:ColorSpace": "srgb_rec709_scene"},
        window=(8, 4), display=(0, 0, 320, 300),
    )  # fmt: skip
    write_consent(folder)
    settings = {
        "target": str(folder / "target.exr"), "performance": performance_file, "output": str(folder / "o.####.exr"),
        "frames": FRAMES, "consent": str(folder / "consent.json"), "repair": "off", **options,
    }  # fmt: skip
    render_sequence(Settings(**settings))
    return settings["output"]


def write_consent(folder: Path, **changes) -> Path:
    path = folder / "consent.json"
    path.write_text(json.dumps({**CONSENT, **changes}))
    return path


def copied(sequence: str, folder: Path) -> str:
    """Copy a sequence with its sidecar, to be spoilt; target and consent stay where they were."""
    folder.mkdir(parents=True)
    for path in Path(sequence).parent.glob("o.*"):
        shutil.copy(path, folder)
    return str(folder / Path(sequence).name)


def rewrite(sequence: str, frame: int, change) -> None:
    """Write a frame again, after ``change(spec, pixels)``, which may return other pixels; its digest is kept right."""
    path = str(frame_path(sequence, frame))
    source = oiio.ImageInput.open(path)
    spec, pixels = oiio.ImageSpec(source.spec()), source.read_image(oiio.FLOAT)
    source.close()
    changed = change(spec, pixels)
    for _ in range(2):
        sink = oiio.ImageOutput.create("openexr")
        assert sink.open(path, spec), sink.geterror()
        assert sink.write_image(pixels if changed is None else changed)
        sink.close()
        spec.attribute("reenact:pixels_sha256", pixels_sha256(read_channels(Path(path))[1]))


def edit_sidecar(sequence: str, change) -> None:
    """Change a sidecar's content in place."""
    path = Path(sequence).parent / "o.reenact.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def change_target(sequence: str) -> None:
    """Let the sidecar's target be a file that was changed since."""
    changed = Path(sequence).parent / "changed.exr"

    def change(content):
        changed.write_bytes(Path(content["inputs"]["target"]["name"]).read_bytes() + b" ")
        content["inputs"]["target"]["name"] = str(changed)

    edit_sidecar(sequence, change)


def put_nan(spec, pixels):
    pixels[5, 7, 1] = np.nan


def shift(spec, pixels):
    spec.x += 1


def deepen(spec, pixels):
    spec.set_format("float")


def untag(spec, pixels):
    for name in ("oiio:ColorSpace", "colorInteropID", "chromaticities"):
        spec.erase_attribute(name)


def other_space(spec, pixels):
    untag(spec, pixels)
    spec.attribute("oiio:ColorSpace", "lin_rec2020_scene")


def other_rate(spec, pixels):
    spec.attribute("FramesPerSecond", "rational", (24, 1))


def other_timecode(spec, pixels):
    spec.attribute("smpte:TimeCode", "timecode", (16777217, 0))


def repeat(sequence: str, frame: int, of: int) -> None:
    """Give one frame another's pixels and leave its header."""
    taken = []
    rewrite(sequence, of, lambda spec, pixels: taken.append(pixels.copy()))
    rewrite(sequence, frame, lambda spec, pixels: taken[0])


def paint(sequence: str, frame: int, attributes: tuple[str, ...] = (), compression: str = "zip") -> None:
    """Write a frame again as a paint program does: one pixel is another; these attributes are lost."""
    buffer = oiio.ImageBuf(str(frame_path(sequence, frame)))
    pixel = buffer.getpixel(20, 20)
    buffer.setpixel(20, 20, tuple(value + 0.25 for value in pixel))
    for name in attributes:
        buffer.specmod().erase_attribute(name)
    buffer.specmod().attribute("compression", compression)
    assert buffer.write(str(frame_path(sequence, frame))), buffer.geterror()


def swap(sequence: str, first: int, second: int) -> None:
    """Give two frames each other's files."""
    one, other = frame_path(sequence, first), frame_path(sequence, second)
    one_bytes, other_bytes = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_bytes)
    other.write_bytes(one_bytes)


def bad(report) -> dict[str, tuple[str, ...]]:
    """The checks that failed, with what they said."""
    return {name: answer.problems for name, answer in report.answers.items() if answer.problems}


def failed(report) -> set[str]:
    """The validators that failed."""
    return {name.removeprefix("ValidateReenact") for name in report["failed"]}
