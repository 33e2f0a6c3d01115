"""Chance of rendered heads: who they are, what they do, where the camera stands.

Every draw comes from a numpy generator that the caller seeds, so that a head is the same however many others are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ofx_reenact.training.rendered_heads.assets import Assets

# Hair as sRGB in [0, 1] and how often: black, dark brown, brown, light brown, auburn, blond, grey.
_HAIR = ((0.07, 0.06, 0.05), (0.14, 0.09, 0.06), (0.24, 0.15, 0.09), (0.38, 0.26, 0.16), (0.36, 0.15, 0.08),
         (0.62, 0.48, 0.29), (0.55, 0.54, 0.52))  # fmt: skip
_HAIR_ODDS = (0.26, 0.24, 0.17, 0.1, 0.07, 0.09, 0.07)
# Head rotation: standard deviation and limit of pitch, yaw and roll in radians.
_TURN, _TURN_LIMIT = np.array([0.14, 0.30, 0.08]), np.array([0.40, 0.75, 0.25])
# Gaze: standard deviation and limit of yaw and pitch in radians; the limit is where eyeLook units reach 1.
_GAZE, GAZE_LIMIT = np.array([0.22, 0.12]), np.array([0.52, 0.38])
# Local changes of anny's shape that make a face, and how far they vary.
_SHAPES = ("head", "nose", "mouth", "chin", "forehead", "eyebrows", "cheek", "eye", "ear")
_SPREAD, _SKEW = 0.24, 0.1


@dataclass(frozen=True)
class Person:
    """One identity and all that stays with it: anny's shape, MakeHuman's files, colours, and where the camera stands.

    ``phenotypes`` and ``changes`` (in [-1, 1]) are anny's, by name. Of the folders of ``hair`` the first that leaves
    the eyes free is worn; none makes a bald head. ``skin_tone`` (3,) and ``eye_tone`` are exponents of colours, above 1
    darker; ``hair_colour`` and ``cloth`` are (3,) sRGB in [0, 1]. In the middle the ``neckline`` is so many centimetres
    below the eyes, at the neck's sides ``collar`` higher. The camera is ``distance`` centimetres away; ``fill`` is the
    head's height as a part of the picture's, ``shift`` (2,) its way off the centre in head heights, x right, y down.
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
class Act:
    """What a head does in one picture.

    ``units`` are face units in [0, 1]; ``angles`` (3,) pitch, yaw, roll in radians, as in ``ldnet.heads``; ``gaze``
    (2,) yaw to the right of the picture and pitch up, radians, in the head. ``shut``: the lips meet. ``tongue``: its
    height in an open mouth, in [0, 1].
    """

    units: dict[str, float]
    angles: np.ndarray
    gaze: np.ndarray
    shut: bool = True
    tongue: float = 0.0


def draw_person(random: np.random.Generator, assets: Assets, change_names: list[str], with_hair: bool) -> Person:
    """Draw an adult and what he or she wears."""
    woman, old, dark = random.random() < 0.5, random.random() < 0.25, random.random() < 0.4
    african = random.uniform(0.6, 1) if dark else random.uniform(0, 0.2)
    asian = random.random() * (1 - african)
    phenotypes = {
        "gender": random.uniform(0.7, 1) if woman else random.uniform(0, 0.3),
        "age": random.uniform(0.78, 1) if old else random.uniform(0.5, 0.72),
        "weight": random.uniform(0.3, 0.75),
        "muscle": random.uniform(0.35, 0.65),
        "african": african,
        "asian": asian,
        "caucasian": 1 - african - asian,
    }
    colour = np.array(_HAIR[-1 if old and random.random() < 0.6 else random.choice(len(_HAIR), p=_HAIR_ODDS)])
    if dark and not old:
        colour = np.array(_HAIR[random.integers(2)])
    styles = [path for path in assets.hair if woman or path.name.startswith("short")] or list(assets.hair)
    hair = tuple(styles[index] for index in random.permutation(len(styles)))
    bald = random.random() < (0.04 if woman else 0.2)
    brown, browns = [path for path in assets.eyes if "brown" in path.name], random.random() < (0.85 if dark else 0.45)
    pick = lambda paths: paths[random.integers(len(paths))]  # noqa: E731
    return Person(
        phenotypes=phenotypes,
        changes=_draw_changes(random, change_names),
        skin=pick(_fitting_skins(assets.skins, woman, dark, old)),
        eyes=pick(brown if browns and brown else assets.eyes),
        brows=pick(assets.brows),
        lashes=pick(assets.lashes),
        hair=hair if with_hair and not bald else (),
        teeth=pick(assets.teeth),
        skin_tone=random.uniform(0.65, 1.0 if dark else 1.3) + random.normal(0, 0.02, 3),
        eye_tone=random.uniform(1.0, 2.0 if browns else 1.3),
        hair_colour=np.clip(colour * random.uniform(0.75, 1.25), 0, 1),
        cloth=random.uniform(0.05, 0.7) * (1 + random.uniform(-0.3, 0.3, 3)),
        neckline=random.uniform(16.0, 22.0),
        collar=random.uniform(2.0, 5.0),
        distance=float(50 * np.exp(random.random() * np.log(5))),
        fill=random.uniform(0.72, 1.0),
        shift=random.normal(0, 0.04, 2),
    )


def _fitting_skins(skins: tuple[Path, ...], woman: bool, dark: bool, old: bool) -> list[Path]:
    """Skins of that sex, tone and age, as far as there are such; not those with clothes painted on."""
    fitting = [path for path in skins if "suit" not in path.name] or list(skins)
    for word, wanted in (("darkskinned", dark), ("female", woman), ("young", not old)):
        fitting = [path for path in fitting if (word in path.name) == wanted] or fitting
    return fitting


def _draw_changes(random: np.random.Generator, names: list[str]) -> dict[str, float]:
    """Draw anny's local changes of a face, nearly symmetric."""
    changes: dict[str, float] = {}
    for name in names:
        side, _, rest = name.partition("-")
        if (rest if side in "lr" else name).partition("-")[0] not in _SHAPES or side == "r":
            continue
        drawn = random.normal(0, _SPREAD)
        if side == "l":
            for hand in "lr":
                changes[f"{hand}-{rest}"] = float(np.clip(drawn + random.normal(0, _SKEW * _SPREAD), -1, 1))
        else:
            sideways = name.endswith("trans-out") or name == "head-angle-out"
            changes[name] = float(np.clip(drawn * (_SKEW if sideways else 1.0), -1, 1))
    return changes


def draw_acts(random: np.random.Generator, count: int) -> list[Act]:
    """Draw what a head does: the first is neutral and faces the camera; mouths and eyes are in all states after it."""
    acts = [Act({}, np.zeros(3), np.zeros(2))]
    for _ in range(count - 1):
        mouth = _draw_mouth(random)
        units = mouth | _draw_brows(random)
        turn = np.clip(random.normal(0, _TURN), -_TURN_LIMIT, _TURN_LIMIT) * (0.15 if random.random() < 0.25 else 1.0)
        # Eyes tend to stay with the camera while the head turns.
        away = random.normal(0, _GAZE) + (np.array([-turn[1], turn[0]]) * 0.6 if random.random() < 0.5 else 0.0)
        gaze = np.clip(away, -GAZE_LIMIT, GAZE_LIMIT)
        shut, tongue = "jawOpen" not in mouth, random.random() ** 2
        lids, looks = _draw_lids(random), gaze_units(gaze)
        for side in ("Left", "Right"):
            # A lid that closes and follows the gaze as well would go past the other.
            for unit in (f"eyeLookUp{side}", f"eyeLookDown{side}"):
                if unit in looks:
                    looks[unit] *= 1 - lids.get(f"eyeBlink{side}", 0.0)
        acts.append(Act(units | lids | looks, turn, gaze, shut, tongue))
    return acts


def _draw_mouth(random: np.random.Generator) -> dict[str, float]:
    """Draw a mouth: shut, open, smiling with teeth, or in the middle of a word."""
    draw = random.uniform
    state = random.choice(4, p=(0.2, 0.25, 0.3, 0.25))
    if state == 0:
        both = dict.fromkeys(("mouthSmileLeft", "mouthSmileRight"), draw(0, 0.5) * (random.random() < 0.5))
        return both | {"mouthPucker": draw(0, 0.6) * (random.random() < 0.2)} | _both(random, "mouthPress", 0.0, 0.4)
    if state == 1:
        return {"jawOpen": draw(0.25, 1.0), "mouthFunnel": draw(0, 0.5) * (random.random() < 0.3)} | _both(
            random, "mouthLowerDown", 0.0, 0.4
        )
    if state == 2:
        units = _both(random, "mouthSmile", 0.5, 1.0) | _both(random, "mouthUpperUp", 0.3, 0.8)
        units |= _both(random, "mouthLowerDown", 0.2, 0.8) | _both(random, "cheekSquint", 0.0, 0.5)
        return units | {"jawOpen": draw(0, 0.35)}
    units = {"jawOpen": draw(0.05, 0.4), "mouthFunnel": draw(0, 0.6), "mouthPucker": draw(0, 0.4)}
    units |= _both(random, "mouthLowerDown", 0.0, 0.6) | _both(random, "mouthUpperUp", 0.0, 0.5)
    return units | _both(random, "mouthStretch", 0.0, 0.5)


def _draw_lids(random: np.random.Generator) -> dict[str, float]:
    """Draw lids: open, fully closed, half closed, narrow or wide; at times of one eye only."""
    state = random.choice(5, p=(0.4, 0.25, 0.15, 0.1, 0.1))
    if state == 1:
        units = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
        if random.random() < 0.15:
            units.pop("eyeBlinkLeft" if random.random() < 0.5 else "eyeBlinkRight")
        return units
    kinds = {2: ("eyeBlink", 0.15, 0.9), 3: ("eyeSquint", 0.3, 1.0), 4: ("eyeWide", 0.3, 1.0)}
    return _both(random, *kinds[int(state)]) if state else {}


def _draw_brows(random: np.random.Generator) -> dict[str, float]:
    """Draw brows and the nose."""
    units: dict[str, float] = {}
    if random.random() < 0.3:
        units |= {"browInnerUp": random.uniform(0, 0.9)} | _both(random, "browOuterUp", 0.0, 0.8)
    elif random.random() < 0.3:
        units |= _both(random, "browDown", 0.0, 0.9) | _both(random, "noseSneer", 0.0, 0.5)
    return units


def _both(random: np.random.Generator, unit: str, low: float, high: float) -> dict[str, float]:
    """Draw a unit of both sides, nearly the same."""
    value = random.uniform(low, high)
    return {f"{unit}{side}": float(np.clip(value + random.normal(0, 0.06), 0, 1)) for side in ("Left", "Right")}


def gaze_units(gaze: np.ndarray) -> dict[str, float]:
    """Return face units of a gaze (yaw, pitch), which the lids follow; the left eye is at the right of the picture."""
    right, up = gaze / GAZE_LIMIT
    units = {"eyeLookOutLeft": right, "eyeLookInRight": right, "eyeLookInLeft": -right, "eyeLookOutRight": -right}
    units |= {f"eyeLook{way}{side}": sign * up for side in ("Left", "Right") for way, sign in (("Up", 1), ("Down", -1))}
    return {name: float(min(value, 1)) for name, value in units.items() if value > 0}
