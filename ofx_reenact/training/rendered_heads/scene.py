"""Light, materials and the renderer: Mitsuba 3 (BSD) behind one class, without a window, on CPU or GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.training.rendered_heads.parts import Part, Shape

# The renderer's variants by what a user asks for. "auto" leaves llvm out: old LLVM libraries end the process.
_VARIANTS = {"cuda": "cuda_ad_rgb", "llvm": "llvm_ad_rgb", "scalar": "scalar_rgb"}
_DEPTH = 12
# Materials: roughness, specular reflection, clear coat.
_MATERIALS = {
    "skin": (0.48, 0.38, 0.0),
    "cloth": (0.9, 0.1, 0.0),
    "teeth": (0.25, 0.5, 0.4),
    "mouth": (0.3, 0.5, 0.2),
    "tongue": (0.35, 0.5, 0.3),
    "brow": (0.7, 0.2, 0.0),
    "lash": (0.8, 0.1, 0.0),
    "hair": (0.45, 0.4, 0.0),
    "eye": (0.08, 0.25, 0.6),
}
_SKY = (32, 64)
_KNEE = 0.6


@dataclass(frozen=True)
class Stage:
    """What does not change between the pictures of one person.

    ``light`` (h, w, 3) float32 linear radiance from all around, equirectangular; ``background`` (H, W, 3) float32
    linear; ``exposure`` multiplies light so that a white sheet facing the camera is about as bright as 1.
    """

    light: np.ndarray
    background: np.ndarray
    exposure: float


def draw_stage(random: np.random.Generator, size: int) -> Stage:
    """Draw soft lights and a background, both from the same room."""
    height, width = _SKY
    row, column = np.mgrid[:height, :width]
    polar, around = np.pi * (row + 0.5) / height, 2 * np.pi * (column + 0.5) / width
    # Of cameras: x right, y down, z away; the map's upper edge is up, its outer columns are the camera's side.
    ways = np.stack([-np.sin(polar) * np.sin(around), -np.cos(polar), -np.sin(polar) * np.cos(around)], -1)
    warm = lambda spread: np.array([1.0, 1.0, 1.0]) + random.normal(0, spread) * np.array([0.5, 0.05, -0.6])  # noqa: E731
    above, below = warm(0.25) * random.uniform(0.25, 0.7), warm(0.25) * random.uniform(0.1, 0.4)
    up = (0.5 - 0.5 * ways[..., 1])[..., None]
    light = up * above + (1 - up) * below
    for lamp in range(random.integers(1, 4)):
        side, height_angle = random.uniform(-1.4, 1.4), random.uniform(-0.1, 1.0)
        if lamp == 2:
            side += np.pi
        way = np.array(
            [np.sin(side) * np.cos(height_angle), -np.sin(height_angle), -np.cos(side) * np.cos(height_angle)]
        )
        narrow = random.uniform(6, 40)
        power = random.uniform(0.6, 1.6) * narrow * (0.35 if lamp else 0.5)
        light = light + power * np.exp(narrow * (ways @ way - 1))[..., None] * warm(0.3)
    light = np.maximum(light, 0.01)
    facing = np.clip(-ways[..., 2], 0, None) * np.sin(polar) * (np.pi / height) * (2 * np.pi / width)
    white = float((light.mean(-1) * facing).sum() / np.pi)
    exposure = float(random.uniform(0.7, 1.15)) / white
    return Stage(light.astype(np.float32), _draw_background(random, size), exposure)


def _draw_background(random: np.random.Generator, size: int) -> np.ndarray:
    """Draw a wall, a gradient or an out-of-focus room (size, size, 3), linear."""
    cells = int(random.choice([1, 1, 2, 3, 6]))
    base = random.uniform(0.03, 0.6) * (1 + random.normal(0, 0.1, 3))
    cell = (cells + 1, cells + 1)
    coarse = base * np.exp(random.normal(0, 0.5, (*cell, 1)) + random.normal(0, 0.08, (*cell, 3)))
    wide = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(wide, 0.003, 1), np.float32)


def developed(colour: np.ndarray, opacity: np.ndarray, stage: Stage) -> np.ndarray:
    """Put a head, premultiplied linear (H, W, 3) with opacity (H, W), before its background: (H, W, 3) uint8 sRGB."""
    linear = colour * stage.exposure + stage.background * (1 - opacity[..., None])
    # Straight up to the knee, then towards 1 without ever clipping a channel alone.
    over = np.clip(linear - _KNEE, 0, None) / (1 - _KNEE)
    rolled = np.minimum(linear, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over))
    rolled = np.clip(rolled, 0, 1)
    encoded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(encoded * 255), np.uint8)


class Renderer:
    """Mitsuba with one variant; renders heads seen by a camera at the origin."""

    def __init__(self, device: str, threads: int) -> None:
        """Load the renderer on a device (auto, cuda, llvm or scalar); 0 threads takes all.

        Raises:
            ReenactError: it is not installed, or the device cannot be used.
        """
        if device != "auto" and device not in _VARIANTS:
            raise SettingsError(f"device {device}: choose from auto, {', '.join(_VARIANTS)}")
        try:
            import drjit
            import mitsuba
        except ImportError as error:
            raise ReenactError("rendered heads need the package mitsuba: pip install 'ofx-reenact[heads]'") from error
        self.variant = _choose(mitsuba, device)
        self._mi: Any = mitsuba
        mitsuba.set_log_level(mitsuba.LogLevel.Error)
        if threads:
            drjit.set_thread_count(threads)

    def render(
        self, parts: list[Part], shapes: list[Shape], stage: Stage, focal: float, samples: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Render parts in the shapes that the camera sees; focal length in picture heights, samples per pixel.

        Returns premultiplied linear colour (H, W, 3) and opacity (H, W), float32; H = W = the background's.
        """
        size = len(stage.background)
        # The scene's origin is moved into the head: rays start off surfaces by a length that grows with coordinates,
        # and would step over skin that lies close behind lashes or hair.
        distance = float(np.median(shapes[0].vertices[:, 2]))
        scene: dict[str, Any] = {
            "type": "scene",
            "integrator": {"type": "volpath", "max_depth": _DEPTH, "rr_depth": 4, "hide_emitters": True},
            "sensor": self._camera(size, focal, samples, distance),
            "light": self._light(stage.light),
        }
        for index, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
            scene[f"part{index}"] = self._mesh(f"part{index}", part, shape, [0, 0, distance])
        image = np.array(self._mi.render(self._mi.load_dict(scene), spp=samples, seed=seed))
        return image[..., :3].astype(np.float32), np.clip(image[..., 3], 0, 1).astype(np.float32)

    def _camera(self, size: int, focal: float, samples: int, distance: float) -> dict[str, Any]:
        transform = self._mi.ScalarTransform4f().look_at(origin=[0, 0, -distance], target=[0, 0, 0], up=[0, -1, 0])
        return {
            "type": "perspective",
            "fov": float(np.degrees(2 * np.arctan(0.5 / focal))),
            "to_world": transform,
            "film": {
                "type": "hdrfilm",
                "width": size,
                "height": size,
                "pixel_format": "rgba",
                "component_format": "float32",
                "rfilter": {"type": "box"},
            },
            "sampler": {"type": "multijitter", "sample_count": samples},
        }

    def _light(self, light: np.ndarray) -> dict[str, Any]:
        # The map's up is +y in Mitsuba and ours is -y; half a turn about z brings it over.
        turn = self._mi.ScalarTransform4f().rotate([0, 0, 1], 180)
        return {"type": "envmap", "bitmap": self._mi.Bitmap(np.ascontiguousarray(light)), "to_world": turn}

    def _mesh(self, name: str, part: Part, shape: Shape, middle: list[float]) -> Any:
        mi = self._mi
        properties = mi.Properties()
        properties["bsdf"] = mi.load_dict(self._material(part))
        mesh = mi.Mesh(name, len(shape.vertices), len(part.faces), properties, True, True)
        values = mi.traverse(mesh)
        values["vertex_positions"] = (shape.vertices - middle).astype(np.float32).ravel()
        values["vertex_normals"] = shape.normals.astype(np.float32).ravel()
        # Mitsuba's v runs down the picture as its rows do.
        values["vertex_texcoords"] = (part.uv * [1, -1] + [0, 1]).astype(np.float32).ravel()
        values["faces"] = part.faces.astype(np.uint32).ravel()
        values.update()
        return mesh

    def _material(self, part: Part) -> dict[str, Any]:
        roughness, specular, coat = _MATERIALS[part.name]
        colour = self._texture(part.texture[..., :3], raw=False)
        material: dict[str, Any] = {
            "type": "twosided",
            "bsdf": {
                "type": "principled",
                "base_color": colour,
                "roughness": roughness,
                "specular": specular,
                "clearcoat": coat,
                "clearcoat_gloss": 0.95,
            },
        }
        if part.cut:
            material = {"type": "mask", "opacity": self._texture(part.texture[..., 3:], raw=True), "bsdf": material}
        return material

    def _texture(self, pixels: np.ndarray, raw: bool) -> dict[str, Any]:
        bitmap = self._mi.Bitmap(np.ascontiguousarray(pixels))
        return {"type": "bitmap", "bitmap": bitmap, "raw": raw, "wrap_mode": "clamp"}


def _choose(mitsuba: Any, device: str) -> str:
    """Set the variant that a device names, or the first that works here."""
    import drjit

    works = {
        "cuda": lambda: drjit.has_backend(drjit.JitBackend.CUDA),
        "llvm": lambda: drjit.has_backend(drjit.JitBackend.LLVM),
        "scalar": lambda: True,
    }
    for name in ("cuda", "scalar") if device == "auto" else (device,):
        if works[name]():
            mitsuba.set_variant(_VARIANTS[name])
            return _VARIANTS[name]
    needed = "a CUDA device and its driver" if device == "cuda" else "LLVM's shared library (libLLVM)"
    raise ReenactError(f"device {device}: {needed} was not found; use --device auto")
