"""Draw the people of rendered heads at random: their looks, the poses of their heads, and where the camera stands.

The caller seeds a random generator for each person, so a person does not depend on how many others are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.training.rendered_heads.assets import Assets

# Hair colours, sRGB in [0, 1], and their probabilities: black, dark brown, brown, light brown, auburn, blond, grey.
_HAIR = ((0.07, 0.06, 0.05), (0.14, 0.09, 0.06), (0.24, 0.15, 0.09), (0.38, 0.26, 0.16), (0.36, 0.15, 0.08),
         (0.62, 0.48, 0.29), (0.55, 0.54, 0.52))  # fmt: skip
_HAIR_PROBABILITIES = (0.26, 0.24, 0.17, 0.1, 0.07, 0.09, 0.07)
# Head rotation: standard deviation and limit of pitch, yaw and roll in radians.
_TURN, _TURN_LIMIT = np.array([0.14, 0.30, 0.08]), np.array([0.40, 0.75, 0.25])
# Gaze: standard deviation and limit of yaw and pitch in radians; at the limit the eyeLook face units are 1.
_GAZE, GAZE_LIMIT = np.array([0.22, 0.12]), np.array([0.52, 0.38])
# The first words of anny's local shape changes that concern the face; their standard deviation, and the standard
# deviation of the difference between both sides, as a fraction of it.
_SHAPES = ("head", "nose", "mouth", "chin", "forehead", "eyebrows", "cheek", "eye", "ear")
_SPREAD, _SKEW = 0.24, 0.1


@dataclass(frozen=True)
class Person:
    """What is the same in all pictures of one person: shape, files of assets, colours, and the camera.

    Attributes:
        phenotypes: anny's, by name, in [0, 1].
        changes: anny's local changes of shape, by name, in [-1, 1].
        hair: folders; the first that leaves the eyes visible is used. Empty for a bald head.
        skin_tone: (3,) exponents of the skin's colour; above 1 is darker.
        eye_tone: exponent of the iris's colour; above 1 is darker.
        hair_colour: (3,) sRGB in [0, 1].
        cloth: colour of the shirt, (3,) sRGB in [0, 1].
        neckline: centimetres from the eyes down to the shirt, in the middle.
        collar: centimetres by which the shirt is higher at the sides of the neck.
        distance: of the camera, in centimetres.
        fill: the head's height as a fraction of the picture's.
        shift: (2,) of the head off the picture's centre, in head heights; x right, y down.
    """

    phenotypes: dict[str, float]
    changes: dict[str, float]
    skin: Path
    eyes: Path
    brows: Path
    lashes: Path
    hair: tuple[Path, ...]
    teeth: Path
    skin_tone: np.ndarray
    eye_tone: float
    hair_colour: np.ndarray
    cloth: np.ndarray
    neckline: float
    collar: float
    distance: float
    fill: float
    shift: np.ndarray


@dataclass(frozen=True)
class HeadPose:
    """Rotation, expression and gaze of a head in one picture.

    Attributes:
        units: anny's face units by name, in [0, 1]; 0 if not named.
        angles: (3,) pitch, yaw, roll in radians, as in ``training.ldnet.heads``.
        gaze: (2,) of the eyes in the head: yaw to the right of the picture, pitch up, in radians.
        shut: the lips meet.
        tongue: its height in an open mouth, in [0, 1].
    """

    units: dict[str, float]
    angles: np.ndarray
    gaze: np.ndarray
    shut: bool = True
    tongue: float = 0.0


def draw_person(rng: np.random.Generator, assets: Assets, change_names: list[str], with_hair: bool) -> Person:
    """Draw an adult: shape, assets, colours and camera."""
    woman, old, dark = rng.random() < 0.5, rng.random() < 0.25, rng.random() < 0.4
    african = rng.uniform(0.6, 1) if dark else rng.uniform(0, 0.2)
    asian = rng.random() * (1 - african)
    phenotypes = {
        "gender": rng.uniform(0.7, 1) if woman else rng.uniform(0, 0.3),
        "age": rng.uniform(0.78, 1) if old else rng.uniform(0.5, 0.72),
        "weight": rng.uniform(0.3, 0.75),
        "muscle": rng.uniform(0.35, 0.65),
        "african": african,
        "asian": asian,
        "caucasian": 1 - african - asian,
    }
    colour = np.array(_HAIR[-1 if old and rng.random() < 0.6 else rng.choice(len(_HAIR), p=_HAIR_PROBABILITIES)])
    if dark and not old:
        colour = np.array(_HAIR[rng.integers(2)])
    styles = [path for path in assets.hair if woman or path.name.startswith("short")] or list(assets.hair)
    hair = tuple(styles[index] for index in rng.permutation(len(styles)))
    bald = rng.random() < (0.04 if woman else 0.2)
    brown = [path for path in assets.eyes if "brown" in path.name]
    brown_eyed = rng.random() < (0.85 if dark else 0.45)
    pick = lambda paths: paths[rng.integers(len(paths))]  # noqa: E731
    return Person(
        phenotypes=phenotypes,
        changes=_draw_changes(rng, change_names),
        skin=pick(_matching_skins(assets.skins, woman, dark, old)),
        eyes=pick(brown if brown_eyed and brown else assets.eyes),
        brows=pick(assets.brows),
        lashes=pick(assets.lashes),
        hair=hair if with_hair and not bald else (),
        teeth=pick(assets.teeth),
        skin_tone=rng.uniform(0.65, 1.0 if dark else 1.3) + rng.normal(0, 0.02, 3),
        eye_tone=rng.uniform(1.0, 2.0 if brown_eyed else 1.3),
        hair_colour=np.clip(colour * rng.uniform(0.75, 1.25), 0, 1),
        cloth=rng.uniform(0.05, 0.7) * (1 + rng.uniform(-0.3, 0.3, 3)),
        neckline=rng.uniform(16.0, 22.0),
        collar=rng.uniform(2.0, 5.0),
        distance=float(50 * np.exp(rng.random() * np.log(5))),
        fill=rng.uniform(0.72, 1.0),
        shift=rng.normal(0, 0.04, 2),
    )


def _matching_skins(skins: tuple[Path, ...], woman: bool, dark: bool, old: bool) -> list[Path]:
    """Return the skins without painted clothes that match sex, tone and age; a criterion that none meets is dropped."""
    matching = [path for path in skins if "suit" not in path.name] or list(skins)
    for word, wanted in (("darkskinned", dark), ("female", woman), ("young", not old)):
        matching = [path for path in matching if (word in path.name) == wanted] or matching
    return matching


def _draw_changes(rng: np.random.Generator, names: list[str]) -> dict[str, float]:
    """Draw anny's local changes of a face by name, nearly symmetric."""
    changes: dict[str, float] = {}
    for name in names:
        side, _, rest = name.partition("-")
        if (rest if side in "lr" else name).partition("-")[0] not in _SHAPES or side == "r":
            continue
        drawn = rng.normal(0, _SPREAD)
        if side == "l":
            for each in "lr":
                changes[f"{each}-{rest}"] = float(np.clip(drawn + rng.normal(0, _SKEW * _SPREAD), -1, 1))
        else:
            sideways = name.endswith("trans-out") or name == "head-angle-out"
            changes[name] = float(np.clip(drawn * (_SKEW if sideways else 1.0), -1, 1))
    return changes


def draw_head_poses(rng: np.random.Generator, count: int) -> list[HeadPose]:
    """Draw poses of a head: the first is neutral and faces the camera, the others vary mouth, eyes and rotation."""
    poses = [HeadPose({}, np.zeros(3), np.zeros(2))]
    for _ in range(count - 1):
        mouth = _draw_mouth(rng)
        units = mouth | _draw_brows(rng)
        turn = np.clip(rng.normal(0, _TURN), -_TURN_LIMIT, _TURN_LIMIT) * (0.15 if rng.random() < 0.25 else 1.0)
        # Eyes tend to keep looking at the camera while the head turns.
        away = rng.normal(0, _GAZE) + (np.array([-turn[1], turn[0]]) * 0.6 if rng.random() < 0.5 else 0.0)
        gaze = np.clip(away, -GAZE_LIMIT, GAZE_LIMIT)
        shut, tongue = "jawOpen" not in mouth, rng.random() ** 2
        lids, looks = _draw_lids(rng), gaze_units(gaze)
        for side in ("Left", "Right"):
            # A lid that closes and follows the gaze as well would pass through the other lid.
            for unit in (f"eyeLookUp{side}", f"eyeLookDown{side}"):
                if unit in looks:
                    looks[unit] *= 1 - lids.get(f"eyeBlink{side}", 0.0)
        poses.append(HeadPose(units | lids | looks, turn, gaze, shut, tongue))
    return poses


def _draw_mouth(rng: np.random.Generator) -> dict[str, float]:
    """Draw face units of a mouth: shut, open, smiling with teeth, or in the middle of a word."""
    draw = rng.uniform
    state = rng.choice(4, p=(0.2, 0.25, 0.3, 0.25))
    if state == 0:
        both = dict.fromkeys(("mouthSmileLeft", "mouthSmileRight"), draw(0, 0.5) * (rng.random() < 0.5))
        return both | {"mouthPucker": draw(0, 0.6) * (rng.random() < 0.2)} | _both(rng, "mouthPress", 0.0, 0.4)
    if state == 1:
        return {"jawOpen": draw(0.25, 1.0), "mouthFunnel": draw(0, 0.5) * (rng.random() < 0.3)} | _both(
            rng, "mouthLowerDown", 0.0, 0.4
        )
    if state == 2:
        units = _both(rng, "mouthSmile", 0.5, 1.0) | _both(rng, "mouthUpperUp", 0.3, 0.8)
        units |= _both(rng, "mouthLowerDown", 0.2, 0.8) | _both(rng, "cheekSquint", 0.0, 0.5)
        return units | {"jawOpen": draw(0, 0.35)}
    units = {"jawOpen": draw(0.05, 0.4), "mouthFunnel": draw(0, 0.6), "mouthPucker": draw(0, 0.4)}
    units |= _both(rng, "mouthLowerDown", 0.0, 0.6) | _both(rng, "mouthUpperUp", 0.0, 0.5)
    return units | _both(rng, "mouthStretch", 0.0, 0.5)


def _draw_lids(rng: np.random.Generator) -> dict[str, float]:
    """Draw face units of lids: open, closed (sometimes one eye only), half closed, narrow or wide."""
    state = rng.choice(5, p=(0.4, 0.25, 0.15, 0.1, 0.1))
    if state == 1:
        units = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
        if rng.random() < 0.15:
            units.pop("eyeBlinkLeft" if rng.random() < 0.5 else "eyeBlinkRight")
        return units
    kinds = {2: ("eyeBlink", 0.15, 0.9), 3: ("eyeSquint", 0.3, 1.0), 4: ("eyeWide", 0.3, 1.0)}
    return _both(rng, *kinds[int(state)]) if state else {}


def _draw_brows(rng: np.random.Generator) -> dict[str, float]:
    """Draw face units of brows and nose."""
    units: dict[str, float] = {}
    if rng.random() < 0.3:
        units |= {"browInnerUp": rng.uniform(0, 0.9)} | _both(rng, "browOuterUp", 0.0, 0.8)
    elif rng.random() < 0.3:
        units |= _both(rng, "browDown", 0.0, 0.9) | _both(rng, "noseSneer", 0.0, 0.5)
    return units


def _both(rng: np.random.Generator, unit: str, low: float, high: float) -> dict[str, float]:
    """Draw nearly the same value for a unit of both sides."""
    value = rng.uniform(low, high)
    return {f"{unit}{side}": float(np.clip(value + rng.normal(0, 0.06), 0, 1)) for side in ("Left", "Right")}


def gaze_units(gaze: np.ndarray) -> dict[str, float]:
    """Return the eyeLook units of a gaze (yaw, pitch) in radians. The left eye is at the right of the picture."""
    right, up = gaze / GAZE_LIMIT
    units = {"eyeLookOutLeft": right, "eyeLookInRight": right, "eyeLookInLeft": -right, "eyeLookOutRight": -right}
    units |= {f"eyeLook{way}{side}": sign * up for side in ("Left", "Right") for way, sign in (("Up", 1), ("Down", -1))}
    return {name: float(min(value, 1)) for name, value in units.items() if value > 0}
