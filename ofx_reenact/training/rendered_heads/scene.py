"""Light, background, materials and the renderer of rendered heads: Mitsuba 3 (BSD), on CPU or GPU, without a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.training.rendered_heads.parts import Part, Shape

# Mitsuba's variants by device. "auto" never takes llvm: old LLVM libraries crash the process.
_VARIANTS = {"cuda": "cuda_ad_rgb", "llvm": "llvm_ad_rgb", "scalar": "scalar_rgb"}
# Longest light path, in bounces.
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
# Rows and columns of the map of light, and the linear value above which highlights are compressed.
_LIGHT_MAP = (32, 64)
_KNEE = 0.6


@dataclass(frozen=True)
class Surroundings:
    """Light and background, the same in all pictures of one person.

    ``light`` (h, w, 3) float32 linear radiance, equirectangular; ``background`` (H, W, 3) float32 linear; ``exposure``
    multiplies the rendered picture so that a white sheet facing the camera has a value of about 1.
    """

    light: np.ndarray
    background: np.ndarray
    exposure: float


def draw_surroundings(rng: np.random.Generator, size: int) -> Surroundings:
    """Draw soft light with one to three lamps, and a background with ``size`` pixels a side."""
    height, width = _LIGHT_MAP
    row, column = np.mgrid[:height, :width]
    polar, around = np.pi * (row + 0.5) / height, 2 * np.pi * (column + 0.5) / width
    # In the camera's coordinates: x right, y down, z away. The map's upper edge is up, its outer columns are the side
    # of the camera.
    directions = np.stack([-np.sin(polar) * np.sin(around), -np.cos(polar), -np.sin(polar) * np.cos(around)], -1)
    tint = lambda spread: np.array([1.0, 1.0, 1.0]) + rng.normal(0, spread) * np.array([0.5, 0.05, -0.6])  # noqa: E731
    above, below = tint(0.25) * rng.uniform(0.25, 0.7), tint(0.25) * rng.uniform(0.1, 0.4)
    up = (0.5 - 0.5 * directions[..., 1])[..., None]
    light = up * above + (1 - up) * below
    for lamp in range(rng.integers(1, 4)):
        side, height_angle = rng.uniform(-1.4, 1.4), rng.uniform(-0.1, 1.0)
        if lamp == 2:
            side += np.pi
        direction = np.array(
            [np.sin(side) * np.cos(height_angle), -np.sin(height_angle), -np.cos(side) * np.cos(height_angle)]
        )
        narrow = rng.uniform(6, 40)
        power = rng.uniform(0.6, 1.6) * narrow * (0.35 if lamp else 0.5)
        light = light + power * np.exp(narrow * (directions @ direction - 1))[..., None] * tint(0.3)
    light = np.maximum(light, 0.01)
    facing = np.clip(-directions[..., 2], 0, None) * np.sin(polar) * (np.pi / height) * (2 * np.pi / width)
    white = float((light.mean(-1) * facing).sum() / np.pi)
    exposure = float(rng.uniform(0.7, 1.15)) / white
    return Surroundings(light.astype(np.float32), _draw_background(rng, size), exposure)


def _draw_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a wall, a gradient or an out-of-focus room: (size, size, 3) float32, linear."""
    cells = int(rng.choice([1, 1, 2, 3, 6]))
    base = rng.uniform(0.03, 0.6) * (1 + rng.normal(0, 0.1, 3))
    cell = (cells + 1, cells + 1)
    coarse = base * np.exp(rng.normal(0, 0.5, (*cell, 1)) + rng.normal(0, 0.08, (*cell, 3)))
    wide = cv2.resize(coarse.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(wide, 0.003, 1), np.float32)


def finish_picture(colour: np.ndarray, opacity: np.ndarray, surroundings: Surroundings) -> np.ndarray:
    """Put a head, premultiplied linear (H, W, 3) with opacity (H, W), over its background: (H, W, 3) uint8 sRGB."""
    linear = colour * surroundings.exposure + surroundings.background * (1 - opacity[..., None])
    # Linear up to the knee, then smoothly towards 1, so that no channel clips alone.
    over = np.clip(linear - _KNEE, 0, None) / (1 - _KNEE)
    rolled = np.minimum(linear, _KNEE) + (1 - _KNEE) * (1 - np.exp(-over))
    rolled = np.clip(rolled, 0, 1)
    encoded = np.where(rolled <= 0.0031308, 12.92 * rolled, 1.055 * rolled ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(encoded * 255), np.uint8)


class Renderer:
    """Mitsuba in one of its variants; renders heads with the camera at the origin."""

    def __init__(self, device: str, threads: int) -> None:
        """Load the renderer for a device (auto, cuda, llvm or scalar); 0 threads are all of the CPU's.

        Raises:
            SettingsError: there is no such device.
            ReenactError: Mitsuba is not installed, or the device cannot be used.
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
        self, parts: list[Part], shapes: list[Shape], surroundings: Surroundings, focal: float, samples: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Render parts in the shapes that they have in one picture.

        ``focal`` is the focal length in picture heights; ``samples`` are per pixel. Returns premultiplied linear colour
        (H, W, 3) and opacity (H, W), both float32, in the background's size.
        """
        size = len(surroundings.background)
        # The scene's origin is moved into the head. Mitsuba starts secondary rays off surfaces by a distance that grows
        # with the coordinates; with large ones they would start behind the skin below lashes or hair.
        distance = float(np.median(shapes[0].vertices[:, 2]))
        scene: dict[str, Any] = {
            "type": "scene",
            "integrator": {"type": "volpath", "max_depth": _DEPTH, "rr_depth": 4, "hide_emitters": True},
            "sensor": self._camera(size, focal, samples, distance),
            "light": self._light(surroundings.light),
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
        # Up is +y in Mitsuba's maps and -y here: half a turn about z converts.
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
    """Set Mitsuba's variant for a device, for auto the first that works here, and return its name."""
    import drjit

    usable = {
        "cuda": lambda: drjit.has_backend(drjit.JitBackend.CUDA),
        "llvm": lambda: drjit.has_backend(drjit.JitBackend.LLVM),
        "scalar": lambda: True,
    }
    for name in ("cuda", "scalar") if device == "auto" else (device,):
        if usable[name]():
            mitsuba.set_variant(_VARIANTS[name])
            return _VARIANTS[name]
    needed = "a CUDA device and its driver" if device == "cuda" else "LLVM's shared library (libLLVM)"
    raise ReenactError(f"device {device}: {needed} was not found; use --device auto")
