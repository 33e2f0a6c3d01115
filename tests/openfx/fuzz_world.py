"""What a fuzzed host does, step by step: everything that hosts may, and what one that is in error might."""

from __future__ import annotations

import collections
import contextlib
import math
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from openfx.effect import Instance
from openfx.engines import BadEngine
from openfx.host import FILTER, GENERAL, ActionFailed, Host
from openfx.images import Image, Layout
from openfx.rendering import window_of

_FLOAT, _HALF = "OfxBitDepthFloat", "OfxBitDepthHalf"
# Which engines there are to name, and how often; those after the first five cannot be waited for by a button.
_ENGINES = {"any": 8, "good": 4, "dies": 1, "dead": 1, "version": 1, "mute": 1, "garbage": 1, "hangs": 1}
_PATIENT = {"mute", "garbage", "hangs"}
_SUITES = ("OfxMessageSuite 1", "OfxMessageSuite 2", "OfxProgressSuite 1", "OfxTimeLineSuite 1", "OfxMemorySuite 1")
_LACKS = (
    "OfxPluginPropFilePath", "OfxImageEffectPropProjectSize", "OfxImageEffectPropFrameRate", "OfxImagePropField",
    "OfxImageEffectPropFrameRange", "OfxImageEffectPropTemporalClipAccess", "OfxPropAPIVersion",
    "OfxImagePropRegionOfDefinition", "OfxImageEffectPropPreMultiplication", "OfxImagePropPixelAspectRatio",
    "OfxParamPropStringMode", "OfxParamPropHint", "OfxImageEffectPropSupportedPixelDepths",
)  # fmt: skip
_TEXTS = (
    "", " ", ",", ",,,", "/none", "a, b,c ", "%s%n%x", '"', "\\", "\x01\x1f\x7f", "ä日本\U0001f600", "\udcff\udc80",
    "12", " -7", "99999999999999999999", "1e9", "nan", "../..", "x" * 5000, "ü" * 70000,
)  # fmt: skip
_NUMBERS = (0.0, -0.0, 1.0, 0.5, -1.0, 2.0, 1e-300, 1e300, -1e300, math.inf, -math.inf, math.nan, 99.0)
_TIMES = (0.0, 1.0, 5.0, 5.5, -3.0, 1e6, -1e6, 1e9, 1e300)
_SCALES = ((1.0, 1.0), (1.0, 1.0), (0.5, 0.5), (0.25, 0.5), (0.1, 0.1), (1.0, 0.5), (2.0, 2.0))
_ODD_TIMES = (math.nan, math.inf, -math.inf)
_ALPHAS = ("OfxImageAlphaPremultiplied", "OfxImageAlphaUnPremultiplied", "OfxImageOpaque", "", "Lila")
_LARGE = (7680, 4320)


class World:
    """One host after the other, its instances, and the engines that they name.

    Attributes:
        violations: what the plug-in did wrong in answer to a host that keeps to the standard.
        rendered: frames that were made, or passed through.
        said: messages to the user.
    """

    def __init__(self, folder: Path, seed: int, engine: str, has_leaked: Callable[[], bool]) -> None:
        self._folder, self._chance, self._has_leaked = folder, random.Random(seed), has_leaked
        self._shm, self._logs = folder / "shm", folder / "logs"
        for one in (self._shm, self._logs):
            one.mkdir()
        os.environ |= {"OFX_REENACT_SHM": str(self._shm), "OFX_REENACT_LOG_DIR": str(self._logs), "HOME": str(folder)}
        self._engines = {mode: BadEngine(folder / mode, mode) for mode in _ENGINES}
        self._real = _real(folder) if engine == "real" else {}
        self._pictures = {size: np.random.default_rng(size).random((size, 61, 4), np.float32) for size in range(1, 50)}
        self.violations: list[str] = []
        self.rendered = self.said = 0
        self._files = _open_files()
        self._host: Host | None = None
        self._legal, self._leaks, self._heard = True, False, 0

    # Of a step's two halves, the first says what is done, so that it is written down before it is.

    def steps(self, seconds: float) -> Iterator[str]:
        """Do steps until the time is over; yields what each is going to be."""
        until = time.monotonic() + seconds
        weights = {
            self._open: 3, self._create: 8, self._connect: 12, self._set: 25, self._key: 4, self._render: 40,
            self._render_at_once: 4, self._press: 3, self._ask: 8, self._misuse: 8, self._save: 3, self._destroy: 3,
            self._kill: 2, self._unload: 1,
        }  # fmt: skip
        kinds = list(weights)
        while time.monotonic() < until and not self._leaks:
            step = self._chance.choices(kinds, list(weights.values()))[0]
            state = self._chance.getstate()
            yield f"{step.__name__.strip('_')} {hash(state) & 0xFFFF:x}"
            self._legal = True
            if self._host is None:
                self._open()
            with contextlib.suppress(ActionFailed):
                step()
            self._look()
        yield "unload at the end"
        self._unload()

    def left(self) -> list[str]:
        """Return what the plug-in has left behind."""
        found = [f"leaves {path}" for path in self._shm.iterdir()]
        found += [f"leaves a process of the engine {mode}" for mode, one in self._engines.items() if one.running]
        return found + [f"leaves a file descriptor of {name}" for name in (_open_files() - self._files).elements()]

    def _look(self) -> None:
        """Take down what the plug-in did wrong."""
        if self._host is None:
            return
        record = self._host.record
        if self._legal:
            self.violations += [said for said in record.violations if said not in self.violations]
        self.violations += record.defects
        self.said += len(record.messages) - self._heard
        self._heard = len(record.messages)
        record.violations.clear()
        record.defects.clear()

    # What hosts do.

    def _open(self) -> None:
        if self._host is not None:
            self._unload()
        chance = self._chance
        depths = chance.choice(((), (_FLOAT, _HALF), (_HALF,), ("OfxBitDepthByte",)))
        self._host = host = Host(
            self._folder / "Reenact.ofx", version=chance.choice(((1, 0), (1, 2), (1, 4), (1, 5))),
            temporal=chance.random() < 0.7, depths=depths, leaves_out=self._some(_SUITES), lacks=self._some(_LACKS),
        )  # fmt: skip
        for context in chance.sample((FILTER, GENERAL), chance.choice((1, 2))):
            host.describe(context)
        if chance.random() < 0.2:
            host.act("OfxActionLoad")

    def _create(self) -> None:
        host, chance = self._opened(), self._chance
        if len(host.instances) > 5:
            host.instances[0].destroy()
        contexts = [context for context in (FILTER, GENERAL) if context in host._effects]
        depth = chance.choice(host.whole().properties.get("OfxImageEffectPropSupportedPixelDepths", [_FLOAT]))
        size = chance.choice(((1, 1), (8, 4), (61, 40), (61, chance.randint(1, 49)), (3, 2)))
        first = chance.choice((0, 1, 1001, -5))
        instance = host.describe(chance.choice(contexts)).create(
            self._values(), size=size, frames=(first, first + chance.choice((0, 3, 100))), depth=depth,
            corner=chance.choice(((0, 0), (-7, -3), (5, 1000))),
        )  # fmt: skip
        self._connect_source(instance)

    def _connect(self) -> None:
        instance = self._instance()
        name = self._chance.choice(list(instance.inputs))
        if name == "Output":
            return
        if name == "Source" or self._chance.random() < 0.7:
            self._connect_source(instance, name)
        else:
            instance.connect(name, None)

    def _connect_source(self, instance: Instance, name: str = "Source") -> None:
        chance = self._chance
        size = instance.size if chance.random() < 0.7 else (chance.randint(1, 61), chance.randint(1, 49))
        if chance.random() < 0.0005:
            size = _LARGE
        alpha = name == "Holdout" and chance.random() < 0.6
        picture = self._picture(size)[..., 3:] if alpha else self._picture(size)
        absent = chance.random() < 0.1
        if size == _LARGE:
            instance.inputs["Output"].size = instance.size = size
        instance.connect(
            name, lambda time: None if absent and time > 2 else picture, size=size,
            corner=instance.corner if chance.random() < 0.8 else (chance.randint(-90, 90), chance.randint(-90, 90)),
            components="OfxImageComponentAlpha" if alpha else "OfxImageComponentRGBA",
            premultiplication=chance.choice(_ALPHAS), layout=self._layout(), aspect=chance.choice((1.0, 1.0, 2.0, 0.5)),
        )  # fmt: skip

    def _set(self) -> None:
        instance = self._instance()
        for name, value in self._values(2).items():
            instance.set(name, value)

    def _key(self) -> None:
        instance, chance = self._instance(), self._chance
        able = [name for name, one in instance.parameters.parameters.items() if one.animates and one.kind == "Double"]
        count = chance.choice((1, 2, 3, 50, 500))
        start = chance.choice((0, 0, -1000, 1000, 1e7, 1e12))
        reach = chance.choice((1, 10, 1000))
        keys = {start + chance.uniform(-reach, reach): chance.choice(_NUMBERS) for _ in range(count)}
        instance.key(chance.choice(able), keys)

    def _render(self) -> None:
        self._render_one(self._instance(), self._chance)

    def _render_at_once(self) -> None:
        """Render all instances at once, each in a thread, while the user does something to one of them."""
        chances = [random.Random(self._chance.random()) for _ in self._opened().instances]
        pairs = zip(list(self._opened().instances), chances, strict=True)
        threads = [threading.Thread(target=self._render_quietly, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        if threads and self._chance.random() < 0.5:
            self._chance.choice((self._set, self._press))()
        for thread in threads:
            thread.join()

    def _render_quietly(self, instance: Instance, chance: random.Random) -> None:
        for _ in range(chance.randint(1, 3)):
            with contextlib.suppress(ActionFailed):
                self._render_one(instance, chance)

    def _render_one(self, instance: Instance, chance: random.Random) -> None:
        if instance.inputs["Source"].source is None:
            return
        scale, time_, window = chance.choice(_SCALES), chance.choice(_TIMES), None
        x1, y1, x2, y2 = whole = window_of(instance, scale)
        if chance.random() < 0.3:
            left, bottom = chance.randint(x1, x2 - 1), chance.randint(y1, y2 - 1)
            window = left, bottom, chance.randint(left + 1, x2), chance.randint(bottom + 1, y2)
        if chance.random() < 0.05:
            self._legal = False
            time_ = chance.choice(_ODD_TIMES)
        if chance.random() < 0.05:
            # Empty, turned around, or beyond the picture.
            self._legal = False
            beyond = whole[0] - 9, whole[1] - 9, whole[2] + 9, whole[3] + 9
            window = chance.choice(((5, 5, 5, 5), (9, 9, 1, 1), beyond))
        if chance.random() < 0.1:
            self._legal = False
            instance.spoil = lambda image: _spoil(image, chance)
        until = time.monotonic() + chance.choice((0.0, 0.05, 0.3, 1.0))
        instance.abort = lambda: time.monotonic() > until
        options = {"scale": scale, "window": window, "layout": self._layout(chance), "identity": chance.random() < 0.8}
        try:
            instance.render(time_, **options)
            self.rendered += 1
        finally:
            instance.abort, instance.spoil = None, lambda image: None

    def _press(self) -> None:
        instance, chance = self._instance(), self._chance
        if any(instance.get("python") == self._engines[mode].python for mode in _PATIENT):
            return
        count = chance.choice((0, 1, 5, 1000))
        instance.cancel = lambda: len(instance.progress) > count
        del instance.progress[:]
        instance.press(chance.choice(("analyse", "page")))

    def _ask(self) -> None:
        instance, chance = self._instance(), self._chance
        time_, scale = chance.choice(_TIMES), chance.choice(_SCALES)
        instance.clip_preferences()
        instance.region_of_definition(time_, scale)
        instance.regions_of_interest(time_, None, scale)
        instance.frames_needed(time_)
        instance.is_identity(time_)
        for name in ("PurgeCaches", "SyncPrivateData", "BeginInstanceEdit", "EndInstanceEdit"):
            instance.call(f"OfxAction{name}")

    def _misuse(self) -> None:
        """Pass actions that no host may pass so."""
        host, chance = self._opened(), self._chance
        self._legal = False
        names = ("Load", "Describe", "CreateInstance", "DestroyInstance", "InstanceChanged", "BeginInstanceChanged")
        effects = ("Render", "IsIdentity", "GetRegionsOfInterest", "GetClipPreferences", "DescribeInContext", "Lila")
        name = chance.choice([f"OfxAction{one}" for one in names] + [f"OfxImageEffectAction{one}" for one in effects])
        whole, instances = host.whole(), host.instances
        handles = [None, whole.handle, host.properties.handle, 0x10, *(one.handle for one in instances[:2])]
        if name == "OfxActionDestroyInstance":
            handles = handles[:4]
        if name == "OfxActionCreateInstance":
            # An instance that is made twice loses its first half, as its host does.
            handles = handles[:4]
        arguments = chance.choices((None, host.properties.handle, 0x20), k=2)
        host.act_raw(name.encode(), chance.choice(handles), *arguments)
        if chance.random() < 0.1:
            host.act_raw(None, None, None, None)
        if instances:
            chance.choice(instances).call("OfxImageEffectActionRender", chance.choice((None, {})))

    def _save(self) -> None:
        instance = self._instance()
        saved = instance.save()
        self._instance().load({name: saved[name] for name in self._chance.sample(sorted(saved), 3)})

    def _destroy(self) -> None:
        self._instance().destroy()

    def _kill(self) -> None:
        """Kill an engine, or stop it for a moment."""
        running = [pid for engine in self._engines.values() for pid in engine.running]
        if running:
            os.kill(self._chance.choice(running), signal.SIGKILL)

    def _unload(self) -> None:
        if self._host is not None:
            host, legal = self._host, self._legal
            host.unload(self._look_for_leaks)
            self._legal = legal
            self._look()
            self._host, self._heard = None, 0

    def _look_for_leaks(self) -> None:
        # Whatever is lost is lost again in every report that follows: the first is enough.
        self._leaks = self._leaks or self._has_leaked()

    # What it draws.

    def _opened(self) -> Host:
        assert self._host is not None
        return self._host

    def _instance(self) -> Instance:
        if not self._opened().instances:
            self._create()
        return self._chance.choice(self._opened().instances)

    def _some(self, choices: tuple[str, ...]) -> tuple[str, ...]:
        chance = self._chance
        return tuple(chance.sample(choices, chance.randint(1, 3))) if chance.random() < 0.3 else ()

    def _layout(self, chance: random.Random | None = None) -> Layout:
        chance = chance or self._chance
        padding, lead = (chance.choice((0, 0, 2, 16, 100, 3)) for _ in range(2))
        return Layout(down=chance.random() < 0.5, padding=padding, lead=lead, guard=chance.choice((0, 0, 64)))

    def _picture(self, size: tuple[int, int]) -> np.ndarray:
        width, height = size
        if size == _LARGE:
            return np.broadcast_to(np.float32(0.5), (height, width, 4))
        tall = self._pictures[min(height, 49)]
        return np.ascontiguousarray(np.resize(tall, (height, width, 4)))

    def _values(self, most: int = 4) -> dict[str, Any]:
        """Draw values of parameters: an engine that is a bad one, and nonsense."""
        chance, host = self._chance, self._opened()
        described = next(iter(one for name, one in host._effects.items() if name)).parameters.described
        names = [name for name, one in described.items() if "OfxParamPropDefault" in one.table]
        values: dict[str, Any] = {}
        for name in chance.sample(names, chance.randint(0, most)):
            kind = described[name]["OfxParamPropType"]
            drawn = {"OfxParamTypeDouble": _NUMBERS, "OfxParamTypeChoice": (-1, 0, 1, 2, 3, 99)}.get(kind, _TEXTS)
            values[name] = chance.choice(drawn)
        if self._real and chance.random() < 0.8:
            return values | self._real
        mode = chance.choices(list(_ENGINES), list(_ENGINES.values()))[0]
        usual = {"python": self._engines[mode].python, "performance": "/p.npz", "target": "/t.exr", "driver": "/d.mov"}
        return values | {name: value for name, value in usual.items() if chance.random() < 0.9}


def _open_files() -> collections.Counter[str]:
    """Count what this process has open, but for the sanitizers' reports."""
    found: collections.Counter[str] = collections.Counter()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            name = str(link.readlink())
            found[name] += "reports" not in name
    return found


def _spoil(image: Image, chance: random.Random) -> None:
    """Make an image one that no host may hand over; never with more pixels than there are."""
    if chance.random() < 0.5:
        return
    x1, y1, x2, y2 = image.properties["OfxImagePropBounds"]
    label, value = chance.choice((
        ("OfxImagePropData", None), ("OfxImagePropBounds", [x1, y1, x1, y1]), ("OfxImagePropBounds", [x2, y2, x1, y1]),
        ("OfxImagePropBounds", [x1, y1, x1 + 1, y1 + 1]), ("OfxImagePropRowBytes", 0), ("OfxImagePropRowBytes", 1),
        ("OfxImagePropRegionOfDefinition", [x1 - 5, y1 - 5, x2 + 5, y2 + 5]),
        ("OfxImagePropRegionOfDefinition", [-(2**31), -(2**31), 2**31 - 1, 2**31 - 1]),
        ("OfxImagePropRegionOfDefinition", [1, 1, 0, 0]),
        ("OfxImagePropRegionOfDefinition", [x1 + 1, y1, x1 + 2, y1 + 1]),
        ("OfxImageEffectPropPixelDepth", "OfxBitDepthByte"), ("OfxImageEffectPropPixelDepth", ""),
        ("OfxImageEffectPropComponents", "OfxImageComponentRGB"), ("OfxImageEffectPropComponents", ""),
        ("OfxImageEffectPropPreMultiplication", "Lila"),
    ))  # fmt: skip
    image.properties[label] = value


def _real(folder: Path) -> dict[str, Any]:
    """Return the parameters of a shot that the real engine can make."""
    from ofx_reenact.resources import resource

    path = folder / "real"
    root = Path(__file__).parents[2]
    path.write_text(f'#!/bin/sh\nunset LD_PRELOAD ASAN_OPTIONS\nPYTHONPATH="{root}" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    demo = {"target": resource("demo", "target.jpg"), "driver": resource("demo", "driver.mpg")}
    kept = {"performance": folder / "p.npz", "identity": folder / "i.safetensors"}
    named = {name: str(file) for name, file in (demo | kept).items()}
    return {"python": str(path), **named, "device": "cpu", "repair": "off"}
