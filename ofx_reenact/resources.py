"""Find files that ship with the package or with other installed packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from ofx_reenact.errors import ReenactError

# Files that ship for renders, relative to the resources → SHA-256.
SHIPPED = {
    "models/face_landmarker.task": "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    "models/selfie_segmentation.tflite": "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27",
    "weights/ldnet.safetensors": "b68df9777f1dee8d4f8ec2821754f6ba59ba7dcd9776c4c984b9986fd242e867",
    "weights/ldnet_adversarial.safetensors": "e96a3c36ffafb9e2f10c8b3db1c4c23ad13fcff6ab5551313ba510c394851a27",
    "weights/fdgan_repair.safetensors": "55bf9e7d062e105b0746903b66a60b49aa2edd3fe240104cdaf8df516ec02a4a",
    "weights/fdgan_portrait.safetensors": "41b1a4491dfb2e92f6087ffcb834b75f8215cfd762ca79899950f8dd563e30e1",
    "teeth/rows.png": "776342f8cb7e7ead946c46c671e0ab8f7abfa14bc38870a1caf5163ea98e5626",
    "demo/target.jpg": "7b6094462dabf157b5531c62aabc20ab2494f1a3d9e9463607ec015696fe5945",
    "demo/driver.mpg": "e468120039e208b5ff9b9e269f8dc96bbddc45701f8dddcf2c0ae21abc0df546",
    "demo/plate.mpg": "fb5a4aff4a86a09b1a3cc83bc0ce414a3c6e5e2b8ebd947961b54582ff988c0b",
}
_PACKAGE = Path(__file__).resolve().parent


def resource(*parts: str) -> Path:
    """Return the path of a shipped file, e.g. ``resource("models", "face_landmarker.task")``.

    Raises:
        ReenactError: the file is missing, so the installation is incomplete.
    """
    return _shipped("resources", *parts)


def shipped_weights() -> set[str]:
    """Return the SHA-256 of each weights file that ships."""
    return {sha256 for name, sha256 in SHIPPED.items() if name.startswith("weights/")}


def nuke_folder() -> Path:
    """Return the folder that belongs on ``NUKE_PATH``.

    Raises:
        ReenactError: it is missing, so the installation is incomplete.
    """
    return _shipped("nuke", "reenact_nuke").parent


def openfx_folder() -> Path:
    """Return the folder of the OpenFX plug-in's sources and of its bundle.

    Raises:
        ReenactError: it is missing, so the installation is incomplete.
    """
    return _shipped("openfx", "parameters.h").parent


def file_of_package(package: str, file: str) -> Path | None:
    """Return the path of a file in another installed package, without importing it; None if it does not exist."""
    spec = find_spec(package)
    path = Path(spec.origin).parent / file if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def _shipped(folder: str, *parts: str) -> Path:
    """Find a file in a folder that lies inside the package in a wheel, and beside it in a checkout."""
    for root in (_PACKAGE / folder, _PACKAGE.parent / folder):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise ReenactError(f"{'/'.join(parts)} is missing from the installation; install ofx-reenact again")
