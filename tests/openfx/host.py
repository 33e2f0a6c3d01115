"""An OpenFX host in Python: loads a library, has its plug-in describe itself, and records what it does wrong."""

from __future__ import annotations

import _ctypes
import ctypes
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from openfx import api, parameters, properties, suites, variadic
from openfx.api import FILTER, GENERAL, Status
from openfx.effect import Effect, Instance
from openfx.handles import Action, Record, Refused, bytes_of, doing, find, peek, running
from openfx.properties import OPEN, READ_ONLY, PropertySet
from openfx.rendering import ActionFailed
from openfx.tables import HOST, Definition, Table

_FLOAT, _HALF = "OfxBitDepthFloat", "OfxBitDepthHalf"
_ERRORS = {Status.FAILED, Status.FATAL, Status.MEMORY}
_LABELS = ("OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel")
# What an action may answer; the rest may answer what most may.
_MOST = {Status.OK, Status.DEFAULT, *_ERRORS}
_ANSWERS: dict[str, set[Status]] = {
    "OfxActionLoad": {*_MOST, Status.MISSING_FEATURE},
    "OfxActionUnload": {Status.OK, Status.DEFAULT, Status.FATAL},
    "OfxActionDescribe": {Status.OK, Status.MISSING_FEATURE, *_ERRORS},
    "OfxImageEffectActionDescribeInContext": {Status.OK, Status.MISSING_FEATURE, Status.UNSUPPORTED, *_ERRORS},
    "OfxImageEffectActionRender": {Status.OK, *_ERRORS},
}


class Host:
    """A host with one library, of one plug-in.

    Args:
        library: the path of the library; a copy of it is loaded, so that hosts share nothing.
        depth: of pixels, that clips have where an instance is not given another.
        version: of the API.
        temporal: images of other times than the current one can be fetched.
        leaves_out: names of suites, with their versions, that it does not have: ``OfxProgressSuite 1``.
        lacks: names of properties that it does not have.
        file_path: where it says that the plug-in is; its bundle by default, or else its folder.
        animates: what can be keyed beside numbers: any of ``String``, ``Choice``, ``Boolean``.
        depths: of pixels, that it says it has.

    Attributes:
        record: messages and violations.
    """

    def __init__(
        self, library: Path | str, *, depth: str = _FLOAT, version: tuple[int, int] = (1, 5), temporal: bool = True,
        leaves_out: tuple[str, ...] = (), lacks: tuple[str, ...] = (), file_path: str = "",
        animates: tuple[str, ...] = ("String", "Choice", "Boolean"), depths: tuple[str, ...] = (_FLOAT, _HALF),
    ) -> None:  # fmt: skip
        self._folder = tempfile.TemporaryDirectory()
        self.path = _copy(Path(library).resolve(), Path(self._folder.name))
        self.depth, self.api, self.temporal = depth, version, temporal
        self.record, self.instances = Record(), []
        self._missing, self._file_path = frozenset(lacks), file_path or _bundle_of(self.path)
        self._leaves_out = frozenset(leaves_out)
        about = self._about(animates, depths)
        self.properties = PropertySet(self.record, "the host", HOST, about, READ_ONLY, self.lacks)
        self._suites = self._make_suites()
        kinds = dict(api.Host._fields_)
        self._fetch = kinds["fetchSuite"](self._fetch_suite)
        self._given = api.Host(self.properties.handle, self._fetch)
        self._effects: dict[str, Effect] = {}
        self._library: ctypes.CDLL | None = None
        self.plugin: api.Plugin = self._load()

    @property
    def violations(self) -> list[str]:
        """What the plug-in did that the standard does not allow, and what this host did wrong itself."""
        return self.record.violations + self.record.defects

    @property
    def messages(self) -> list[str]:
        """What the plug-in told the user."""
        return [message.text for message in self.record.messages]

    def lacks(self, name: str, definition: Definition) -> bool:
        """Tell whether this host's objects do not have a property of the standard."""
        return name in self._missing or (definition.late and self.api < (1, 5))

    def has(self, suite: str, version: int) -> bool:
        """Tell whether this host has a suite."""
        return (suite, version) in self._suites

    def describe(self, context: str = FILTER) -> Effect:
        """Return the plug-in's effect in a context, described once.

        Raises:
            ActionFailed: the plug-in does not want to.
        """
        whole = self.whole()
        if context not in self._effects:
            effect = whole.in_context(context)
            status = self.act("OfxImageEffectActionDescribeInContext", effect, self.context(context))
            if status is not Status.OK:
                effect.end()
                raise ActionFailed("OfxImageEffectActionDescribeInContext", status)
            self._effects[context] = effect
            self._check_context(effect, context)
        return self._effects[context]

    @staticmethod
    def context(name: str) -> dict[str, tuple[str, Any]]:
        """Return the argument of the action that describes in a context."""
        return {"OfxImageEffectPropContext": ("String", name)}

    def whole(self) -> Effect:
        """Return the plug-in as it describes itself without a context, loaded and described once.

        Raises:
            ActionFailed: the plug-in does not want to.
        """
        if "" not in self._effects:
            status = self.act("OfxActionLoad")
            if status not in (Status.OK, Status.DEFAULT):
                raise ActionFailed("OfxActionLoad", status)
            name = self.plugin.pluginIdentifier.decode()
            values = dict.fromkeys(_LABELS, name) | _DESCRIPTOR | {"OfxPluginPropFilePath": self._file_path}
            effect = self._effects[""] = Effect.begin(self, name, values)
            status = self.act("OfxActionDescribe", effect)
            if status is not Status.OK:
                raise ActionFailed("OfxActionDescribe", status)
            effect.properties.access = READ_ONLY
            for label in (_LABELS[0], "OfxImageEffectPropSupportedContexts", "OfxImageEffectPropSupportedPixelDepths"):
                if label in effect.properties and label not in effect.properties.written:
                    self.record.violations.append(f"OfxActionDescribe: does not set {label}")
        return self._effects[""]

    def act(
        self, name: str, subject: Effect | None = None, given: Mapping[str, tuple[str, Any]] | None = None,
        wanted: Mapping[str, tuple[str, Any]] | None = None, found: dict[str, Any] | None = None, *,
        time: float | None = None,
    ) -> Status:  # fmt: skip
        """Pass an action to the plug-in.

        Args:
            name: the action's.
            subject: whom it is for; None for the plug-in as a whole.
            given: arguments in: types and values by name; None for none.
            wanted: arguments out, as they are at first.
            found: takes what they are then.
            time: the action's.
        """
        arguments = self._arguments(f"inArgs of {name}", given, READ_ONLY)
        answers = self._arguments(f"outArgs of {name}", wanted, OPEN)
        scale = tuple(arguments["OfxImageEffectPropRenderScale"]) if arguments and given and (
            "OfxImageEffectPropRenderScale" in given) else (1.0, 1.0)  # fmt: skip
        action = Action(name, self.record, subject, time, scale)
        handles = [one.handle if one else None for one in (subject, arguments, answers)]
        with doing(action):
            answer = self.plugin.mainEntry(name.encode(), *handles)
            self._check_left(action)
            status = self._check_answer(name, answer)
        if answers and found is not None:
            found.update({label: answers[label] for label in answers.table})
        for one in (arguments, answers):
            if one:
                one.end()
        return status

    def act_raw(self, name: bytes | None, *handles: int | None) -> int:
        """Pass an action with any handles at all, as a host that is in error might."""
        with doing(Action(str(name), self.record)):
            return self.plugin.mainEntry(name, *handles)

    def depth_of(self, subject: Effect) -> int:
        """Tell how many actions of one effect run within one another on this thread."""
        return sum(action.subject is subject for action in running())

    def unload(self, before: Callable[[], object] = lambda: None) -> None:
        """Destroy what is left of instances, and unload the library; nothing else can be done then.

        ``before`` is called when the plug-in is done, before its library goes.
        """
        for instance in list(self.instances):
            instance.destroy()
        if "" in self._effects:
            self.act("OfxActionUnload")
        for what in (*self.record.blocks.values(), *self.record.mutexes):
            self.record.violations.append(f"OfxActionUnload: leaves {what}")
        for effect in self._effects.values():
            effect.end()
        self._effects.clear()
        before()
        if self._library is not None:
            _ctypes.dlclose(self._library._handle)
            self._library = None
        self._folder.cleanup()

    def is_loaded(self) -> bool:
        """Tell whether the library is still in this process."""
        try:
            mapped = Path("/proc/self/maps").read_text(encoding="utf-8")
        except OSError:
            return self._library is not None
        return str(self.path) in mapped

    def _load(self) -> api.Plugin:
        library = self._library = ctypes.CDLL(str(self.path))
        if hasattr(library, "OfxSetHost"):
            library.OfxSetHost.argtypes = (ctypes.POINTER(api.Host),)
            assert library.OfxSetHost(ctypes.byref(self._given)) == Status.OK
        assert library.OfxGetNumberOfPlugins() == 1
        library.OfxGetPlugin.argtypes, library.OfxGetPlugin.restype = (ctypes.c_int,), ctypes.POINTER(api.Plugin)
        assert not library.OfxGetPlugin(1) and not library.OfxGetPlugin(-1)
        found = library.OfxGetPlugin(0)
        plugin: api.Plugin = found.contents
        assert (plugin.pluginApi, plugin.apiVersion) == (api.PLUGIN_API, api.API_VERSION)
        plugin.setHost(ctypes.byref(self._given))
        return plugin

    def _about(self, animates: tuple[str, ...], depths: tuple[str, ...]) -> dict[str, Any]:
        kinds = ("String", "Choice", "Boolean")
        return {f"OfxParamHostPropSupports{kind}Animation": int(kind in animates) for kind in kinds} | {
            "OfxPropAPIVersion": list(self.api), "OfxPropType": "OfxTypeImageEffectHost",
            "OfxPropName": "org.ofx-reenact.tests", "OfxPropLabel": "Tests", "OfxPropVersion": [1, 0],
            "OfxPropVersionLabel": "1.0", "OfxImageEffectPropSupportsMultiResolution": 1,
            "OfxImageEffectPropTemporalClipAccess": int(self.temporal), "OfxImageEffectPropSetableFrameRate": 0,
            "OfxImageEffectPropSupportedComponents": [f"OfxImageComponent{one}" for one in ("RGBA", "RGB", "Alpha")],
            "OfxImageEffectPropSupportedContexts": [FILTER, GENERAL],
            "OfxImageEffectPropSupportedPixelDepths": list(depths), "OfxParamHostPropMaxParameters": -1,
            "OfxImageEffectPropOpenGLRenderSupported": "false", "OfxImageEffectPropCPURenderSupported": "true",
            "OfxImageEffectHostPropNativeOrigin": "kOfxImageEffectHostPropNativeOriginBottomLeft",
        }  # fmt: skip

    def _make_suites(self) -> dict[tuple[str, int], ctypes.Structure]:
        record, loose = self.record, variadic.addresses()
        messages = suites.message_suite(record, loose)
        made = {
            ("OfxPropertySuite", 1): properties.make_suite(record),
            ("OfxImageEffectSuite", 1): suites.image_effect_suite(record, self.temporal),
            ("OfxParameterSuite", 1): parameters.make_suite(record, self.lacks, loose),
            ("OfxMemorySuite", 1): suites.memory_suite(record),
            ("OfxMultiThreadSuite", 1): suites.multi_thread_suite(record),
            ("OfxMessageSuite", 1): messages, ("OfxMessageSuite", 2): messages,
            ("OfxProgressSuite", 1): suites.progress_suite(record),
            ("OfxTimeLineSuite", 1): suites.timeline_suite(record),
        }  # fmt: skip
        return {key: suite for key, suite in made.items() if f"{key[0]} {key[1]}" not in self._leaves_out}

    def _fetch_suite(self, handle: int, name: bytes, version: int) -> int:
        try:
            find(handle, PropertySet, self.record)
        except Refused as refused:
            self.record.violate(f"fetchSuite: {refused}")
            return 0
        if not running():
            self.record.violate(f"fetches {name!r} while no action runs")
        found = self._suites.get(((name or b"").decode(), version))
        return ctypes.addressof(found) if found else 0

    def _arguments(self, name: str, given: Mapping[str, tuple[str, Any]] | None, access: str) -> PropertySet | None:
        if given is None:
            return None
        table: Table = {}
        for label, (kind, value) in given.items():
            size = len(value) if isinstance(value, list | tuple) else 1
            table[label] = Definition(kind, 0 if label.startswith("OfxImageClipPropFrameRange_") else size)
        return PropertySet(self.record, name, table, {label: value for label, (_, value) in given.items()}, access)

    def _check_left(self, action: Action) -> None:
        """Look at what a plug-in left undone in an action that is over."""
        for image in list(action.images):
            self.record.violate(f"does not release an image {image.name}")
            image.clip.owner.release(image)
        for what in action.open:
            self.record.violate(f"does not end {what}")
        if isinstance(action.subject, Instance) and action.open:
            action.subject.shows_progress = False

    def _check_answer(self, name: str, answer: int) -> Status:
        try:
            status = Status(answer)
        except ValueError:
            self.record.violate(f"answers {answer}, which is no status")
            return Status.FAILED
        if status not in _ANSWERS.get(name, _MOST):
            self.record.violate(f"answers {status.name}")
        return status

    def _check_context(self, effect: Effect, context: str) -> None:
        """Look at what a plug-in says of itself in a context."""
        effect.properties.access = READ_ONLY
        needed = {FILTER: {"Source", "Output"}}.get(context, {"Output"})
        for name in sorted(needed - set(effect.clips)):
            self.record.violations.append(f"{context}: has no clip {name}")
        for name, clip in effect.clips.items():
            clip.access = READ_ONLY
            if not clip["OfxImageEffectPropSupportedComponents"]:
                self.record.violations.append(f"{context}: the clip {name} has no components")
        with doing(Action(context, self.record, effect)):
            for name, described in effect.parameters.described.items():
                parameters.check_described(self.record, name, described, effect.parameters.described)


_DESCRIPTOR: dict[str, Any] = {
    "OfxPropType": "OfxTypeImageEffect", "OfxImageEffectPropSupportsMultiResolution": 1,
    "OfxImageEffectPropSupportsTiles": 1, "OfxImageEffectPluginRenderThreadSafety": "OfxImageEffectRenderInstanceSafe",
    "OfxImageEffectPluginPropHostFrameThreading": 1, "OfxImageEffectPluginPropFieldRenderTwiceAlways": 1,
    "OfxImageEffectPropOpenGLRenderSupported": "false", "OfxImageEffectPropCPURenderSupported": "true",
}  # fmt: skip


def _bundle_of(library: Path) -> str:
    """Return the bundle that a library is in, or else its folder."""
    return str(next((folder for folder in library.parents if folder.name.endswith(".ofx.bundle")), library.parent))


def _copy(library: Path, folder: Path) -> Path:
    """Copy a library into a folder, with the bundle that it is in."""
    bundle = Path(_bundle_of(library))
    if bundle == library.parent:
        return Path(shutil.copy2(library, folder))
    return Path(shutil.copytree(bundle, folder / bundle.name)) / library.relative_to(bundle)


__all__ = ["FILTER", "GENERAL", "ActionFailed", "Host", "Status", "bytes_of", "peek"]
