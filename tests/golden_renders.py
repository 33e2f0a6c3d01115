"""Renders whose pixels are written down: what they are, and what is kept of each.

``python tests/golden_renders.py`` writes ``golden/renders.json`` anew for this machine; the digests of other machines
in it stay. With ``--changed``, for pixels that were meant to change, they go: they are of the pixels before. Say why in
the commit.
"""

import hashlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import torch
from conftest import DRIVER, TARGET, rgb_channels, write_exr

from ofx_reenact.engine.inputs import track_driver
from ofx_reenact.engine.render_job import render_sequence
from ofx_reenact.frames.colour import Colour
from ofx_reenact.frames.plate import read_plate
from ofx_reenact.frames.sequence import Sequence
from ofx_reenact.provenance import versions
from ofx_reenact.settings import Settings

GOLDEN = Path(__file__).parent / "golden" / "renders.json"
LAYERS = ("rgba", "stmap", "matte", "confidence")
# Side of the grid of means that says on any machine what a frame looks like.
GRID = 4
# Frame 36 of the demo driver has a wide mouth, 60 is near the end; 1 hardly moves.
CASES: dict[str, dict[str, Any]] = {
    "picture": {"frames": "1,36,60"},
    "every layer": {"frames": "36", "layers": LAYERS},
    "absolute": {"frames": "36,60", "motion": "absolute"},
    "locked": {"frames": "36", "motion": "locked", "layers": LAYERS},
    "another reference and weights": {"frames": "36", "reference": 20, "weight_mouth": 0.6, "weight_pose": 1.4},
    "copied landmarks": {"frames": "36", "retarget": "copy"},
    "without repair": {"frames": "36", "repair": "off", "layers": LAYERS},
    "profile portrait": {"frames": "36,60", "profile": "portrait", "layers": LAYERS},
    "two pictures of the target": {"frames": "36", "target": "alpha", "appearance": (str(TARGET),)},
    "half with alpha": {"frames": "36", "target": "alpha", "layers": LAYERS},
    "data window in a display window": {"frames": "36,60", "target": "window", "layers": LAYERS},
    "another depth and neck": {"frames": "36", "target": "window", "depth": "half", "neck": 0.6},
    "16 bit": {"frames": "36", "target": "deep"},
    "large": {"frames": "36", "target": "large", "layers": LAYERS},
    "black": {"frames": "36", "target": "alpha", "layers": LAYERS, "driver": "gap", "missing": "black"},
}  # fmt: skip


def machine() -> str:
    """Name what bits depend on: the processor, threads that share a matrix product, and the libraries' versions.

    Matrix products choose their code by the processor's maker and family, not by its vector units alone.
    """
    found, about = versions(), Path("/proc/cpuinfo")
    said = dict(line.split(":", 1) for line in about.read_text().splitlines() if ":" in line) if about.is_file() else {}
    processor = [said.get(name, "").strip() for name in ("vendor_id\t", "cpu family\t", "model\t\t")]
    used = [*processor, torch.backends.cpu.get_cpu_capability(), f"threads={torch.get_num_threads()}"]
    names = ("torch", "numpy", "scipy", "numba", "opencv-python", "opencolorio", "OpenImageIO", "machine")
    return " ".join([*used, *(f"{name}={found.get(name)}" for name in names)])


def make_targets(folder: Path) -> dict[str, str]:
    """Write the targets that are not the demo's."""
    picture = oiio.ImageBuf(str(TARGET))
    shown = np.asarray(picture.get_pixels(oiio.FLOAT))[..., :3]
    linear = (shown**2.2).astype(np.float32)
    small = cv2.resize(linear, (420, 420), interpolation=cv2.INTER_AREA)
    edge = np.pad(small, ((90, 60), (70, 40), (0, 0)), mode="edge")
    height, width = edge.shape[:2]
    alpha = np.clip(np.linspace(0.2, 1.6, width, dtype=np.float32), 0, 1)[None].repeat(height, 0)
    half = dict.fromkeys("RGBA", "half")
    large = cv2.resize(linear, (1300, 1300), interpolation=cv2.INTER_CUBIC)
    paths = {name: folder / f"{name}.exr" for name in ("alpha", "window", "large")}
    write_exr(paths["alpha"], rgb_channels(edge * alpha[..., None]) | {"A": alpha}, half)
    edge = edge.copy()
    edge[3:9, 3:9], edge[3:9, 20:26] = 37.5, -0.25
    write_exr(paths["window"], rgb_channels(edge), window=(150, 80), display=(0, 0, 900, 700))
    write_exr(paths["large"], rgb_channels(large), dict.fromkeys("RGB", "half"))
    paths["deep"] = folder / "deep.png"
    cv2.imwrite(str(paths["deep"]), np.round(cv2.resize(shown, (400, 400))[..., ::-1] * 65535).astype(np.uint16))
    return {name: str(path) for name, path in paths.items()}


def make_performances(folder: Path) -> dict[str, str]:
    """Track the demo driver as it is, and with its face gone for longer than is bridged."""
    colour = Colour()
    pictures = [colour.show(Sequence.open(DRIVER).read(frame)) for frame in range(1, 61)]
    (folder / "gap").mkdir()
    for frame, shown in enumerate(pictures, start=1):
        there = shown if not 20 <= frame <= 50 else np.zeros_like(shown)
        cv2.imwrite(str(folder / "gap" / f"d.{frame:04d}.png"), there[..., ::-1])
    paths = {}
    for name, driver in {"": str(DRIVER), "gap": str(folder / "gap" / "d.####.png")}.items():
        tracked = track_driver(Settings(driver=driver), Sequence.open(driver), colour, lambda step: None)
        paths[name] = str(folder / f"{name or 'demo'}.npz")
        tracked.save(Path(paths[name]))
    return paths


@dataclass(frozen=True)
class Inputs:
    """What the cases are rendered from, in a folder that they are rendered into."""

    folder: Path
    targets: dict[str, str]
    performances: dict[str, str]

    @classmethod
    def make(cls, folder: Path) -> "Inputs":
        return cls(folder, make_targets(folder), make_performances(folder))

    def render(self, case: str) -> dict[str, Any]:
        """Render a case and return what is kept of it."""
        options, output = dict(CASES[case]), self.folder / case
        render_sequence(
            Settings(
                target=self.targets.get(options.pop("target", ""), str(TARGET)),
                performance=self.performances[options.pop("driver", "")],
                output=str(output / "o.####.exr"),
                device="cpu",
                **options,
            )
        )
        return keep_of(sorted(output.glob("*.exr")))


def keep_of(files: list[Path]) -> dict[str, Any]:
    """Return the digest of a case's frames, and means over a coarse grid of each channel of the last."""
    digest = hashlib.sha256()
    for path in files:
        plate = read_plate(path)
        digest.update(f"{path.name} {plate.data_window} {plate.display_window} {plate.depth}".encode())
        for name, values in _channels(path).items():
            digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    means = {name: _means(values) for name, values in _channels(files[-1]).items()}
    return {"sha256": digest.hexdigest(), "means": means}


def _channels(path: Path) -> dict[str, np.ndarray]:
    source = oiio.ImageInput.open(str(path))
    names, pixels = source.spec().channelnames, source.read_image(oiio.FLOAT)
    source.close()
    return {name: pixels[..., i] for i, name in sorted(enumerate(names), key=lambda item: item[1])}


def _means(values: np.ndarray) -> list[float]:
    blocks = [block for rows in np.array_split(values, GRID) for block in np.array_split(rows, GRID, axis=1)]
    return [round(float(block.mean(dtype=np.float64)), 5) for block in blocks]


def main() -> None:
    """Write the file."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {"means": {}, "sha256": {}}
    with tempfile.TemporaryDirectory() as folder:
        inputs = Inputs.make(Path(folder))
        kept = {case: inputs.render(case) for case in CASES}
    golden["means"] = {case: values["means"] for case, values in kept.items()}
    if "--changed" in sys.argv[1:]:
        golden["sha256"] = {}
    golden["sha256"][machine()] = {case: values["sha256"] for case, values in kept.items()}
    text = json.dumps(golden, indent=1)
    GOLDEN.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
