"""An effect as a plug-in describes it, and instances of it: what users and hosts do with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from openfx.api import Status
from openfx.handles import Action, Handled
from openfx.images import PLAIN, Clip, Image, Layout, Memory, Source
from openfx.parameters import Parameter, ParameterSet
from openfx.properties import ALIVE, DESCRIBING, PropertySet
from openfx.rendering import ActionFailed, Scale, Window, at, render, render_arguments, scaled, window_of
from openfx.tables import DESCRIPTOR, INSTANCE, Definition

if TYPE_CHECKING:
    from openfx.host import Host

# Plug-ins that answer each change by another would go on for ever.
_DEEPEST = 20
_ACTION = "OfxImageEffectAction"


class Effect(Handled):
    """A plug-in as it describes itself, as a whole or in a context.

    Attributes:
        clips: by name, what it says of each; in a context.
    """

    def __init__(self, host: Host, name: str, properties: PropertySet) -> None:
        super().__init__(host.record, name)
        self.host, self.properties = host, properties
        self.parameters = ParameterSet(host.record, self, properties)
        self.clips: dict[str, PropertySet] = {}

    @classmethod
    def begin(cls, host: Host, name: str, values: Mapping[str, Any]) -> Effect:
        """Return an effect that is to be described."""
        return cls(host, name, PropertySet(host.record, name, DESCRIPTOR, values, DESCRIBING, host.lacks))

    def in_context(self, context: str) -> Effect:
        """Return one to be described in a context, which begins as this one."""
        name = f"{self.name} in {context}"
        found = Effect(self.host, name, self.properties.copy_to(DESCRIPTOR, name, DESCRIBING, {}))
        found.whole, found.context = self, context  # type: ignore[attr-defined]
        return found

    def end(self) -> None:
        super().end()
        self.properties.end()
        self.parameters.end()
        for clip in self.clips.values():
            clip.end()

    def create(self, values: Mapping[str, Any] | None = None, **options: Any) -> Instance:
        """Create an instance; ``values`` of parameters that are not the default, or what :meth:`Instance.save` gave.

        Raises:
            ActionFailed: the plug-in does not want to.
        """
        instance = Instance(self, **options)
        for name, value in (values or {}).items():
            parameter = instance.parameters.parameters[name]
            parameter.restore(value) if isinstance(value, dict) else parameter.set(value)
        status = instance.call("OfxActionCreateInstance")
        if status not in (Status.OK, Status.DEFAULT):
            instance.end()
            raise ActionFailed("OfxActionCreateInstance", status)
        self.host.instances.append(instance)
        return instance


class Instance(Effect):
    """An instance of an effect in a context.

    Args:
        described: the effect.
        size: of the project, in pixels.
        frames: first and last time.
        depth: of all clips; the host's by default.
        corner: x and y of the project's lower left.

    Attributes:
        time: where the user is.
        inputs: clips by name, the output among them.
        progress: what the plug-in said of how far it is.
        abort: asked by the plug-in while it renders: is the result still wanted? True ends it.
        cancel: asked while it shows progress: has the user pressed "cancel"?
        spoil: is shown each image before the plug-in is, to make it one as of a host that is in error.
        identity: name and time of the clip that the last render was, None where it was made.
    """

    def __init__(
        self, described: Effect, *, size: tuple[int, int] = (64, 48), frames: tuple[float, float] = (1, 100),
        depth: str = "", corner: tuple[int, int] = (0, 0), rate: float = 24.0,
    ) -> None:  # fmt: skip
        host, context = described.host, described.context  # type: ignore[attr-defined]
        extent = [float(corner[0] + size[0]), float(corner[1] + size[1])]
        values = {
            "OfxPropType": "OfxTypeImageEffectInstance", "OfxImageEffectPropContext": context,
            "OfxImageEffectPropProjectSize": [float(one) for one in size],
            "OfxImageEffectPropProjectOffset": [float(one) for one in corner],
            "OfxImageEffectPropProjectExtent": extent, "OfxImageEffectPropPixelAspectRatio": 1.0,
            "OfxImageEffectInstancePropEffectDuration": float(frames[1] - frames[0] + 1),
            "OfxImageEffectInstancePropSequentialRender": 0,
            "OfxImageEffectPropSupportsTiles": described.properties["OfxImageEffectPropSupportsTiles"],
            "OfxImageEffectPropOpenGLRenderSupported": "false", "OfxImageEffectPropFrameRate": rate,
            "OfxPropIsInteractive": 1,
            "OfxImageEffectPropPluginHandle": described.whole.handle,  # type: ignore[attr-defined]
        }  # fmt: skip
        name = f"instance of {described.name}"
        lacks = host.lacks if host.api < (1, 5) else _lacks_colour
        super().__init__(host, name, PropertySet(host.record, name, INSTANCE, values, ALIVE, lacks))
        self.described, self.size, self.corner, self.frames, self.context = described, size, corner, frames, context
        self.time, self.depth = float(frames[0]), depth or host.depth
        self.progress: list[float] = []
        self.shows_progress = False
        self.abort: Callable[[], bool] | None = None
        self.cancel: Callable[[], bool] | None = None
        self.spoil: Callable[[Image], None] = lambda image: None
        self.identity: tuple[str, float] | None = None
        self.output: Memory | None = None
        self.aborted = False
        self.inputs = {name: Clip(host.record, clip, self, self.depth, frames, rate)
                       for name, clip in described.clips.items()}  # fmt: skip
        self.parameters.parameters = {
            name: Parameter(self, properties) for name, properties in described.parameters.described.items()
        }
        self.inputs["Output"].connect(lambda time: None, size, corner, "OfxImageComponentRGBA", "OfxImageOpaque", 1.0)

    def end(self) -> None:
        super().end()
        for clip in self.inputs.values():
            clip.end()

    def call(self, name: str, given: Mapping[str, tuple[str, Any]] | None = None,
             wanted: Mapping[str, tuple[str, Any]] | None = None, found: dict[str, Any] | None = None,
             time: float | None = None) -> Status:  # fmt: skip
        """Do an action; arguments by name are their type and values. ``found`` takes what the plug-in answers."""
        return self.host.act(name, self, given, wanted, found, time=time)

    # What the user does.

    def connect(
        self, name: str, source: Source | None, *, size: tuple[int, int] | None = None,
        corner: tuple[int, int] | None = None, components: str = "OfxImageComponentRGBA",
        premultiplication: str = "OfxImageAlphaPremultiplied", aspect: float = 1.0, layout: Layout = PLAIN,
        reduce: Callable[[np.ndarray, Scale], np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        """Connect pictures to a clip, or nothing; the plug-in is told, and asked for its preferences."""
        clip = self.inputs[name]
        clip.layout, clip.reduce = layout, reduce or clip.reduce
        clip.connect(source, size or self.size, self.corner if corner is None else corner, components,
                     premultiplication, aspect)  # fmt: skip
        self.tell_changed("OfxTypeClip", name, "OfxChangeUserEdited")
        self.clip_preferences()

    def set(self, name: str, value: Any) -> None:
        """Set a parameter."""
        self.parameters.parameters[name].set(value)
        self._tell_set(name)

    def key(self, name: str, keys: Mapping[float, Any]) -> None:
        """Set keyframes of a parameter: values by time."""
        self.parameters.parameters[name].key(keys)
        self._tell_set(name)

    def get(self, name: str) -> Any:
        """Return a parameter's value now; a list where it has several."""
        values = self.parameters.parameters[name].at(self.time)
        return values[0] if len(values) == 1 else values

    def press(self, name: str) -> Status:
        """Press a button; returns what the plug-in answers."""
        assert self.parameters.parameters[name].type == "OfxParamTypePushButton"
        return self.tell_changed("OfxTypeParameter", name, "OfxChangeUserEdited")

    def save(self) -> dict[str, Any]:
        """Return the values of all parameters that are kept, as plain values."""
        needs = "OfxPropParamSetNeedsSyncing"
        if needs not in self.properties.written or self.properties[needs]:
            self.call("OfxActionSyncPrivateData")
        every = self.parameters.parameters.items()
        return {name: one.saved() for name, one in every if one.size and one.properties["OfxParamPropPersistant"]}

    def load(self, saved: Mapping[str, Any]) -> None:
        """Take values that were saved, as when the user takes a preset."""
        for name, values in saved.items():
            self.parameters.parameters[name].restore(values)
            self._tell_set(name)

    def destroy(self) -> None:
        """End the instance."""
        self.call("OfxActionDestroyInstance")
        if self.shows_progress:
            self.record.violate(f"{self} still shows progress")
        self.host.instances.remove(self)
        self.end()

    # What the host asks.

    def tell_changed(self, type: str, name: str, reason: str) -> Status:
        """Tell the plug-in that something has changed; returns what it answers."""
        why = {"OfxPropChangeReason": ("String", reason)}
        if self.host.depth_of(self) > _DEEPEST:
            self.record.violate(f"changes {name} in answer to changes, without end")
            return Status.FAILED
        self.call("OfxActionBeginInstanceChanged", why)
        what = {"OfxPropType": ("String", type), "OfxPropName": ("String", name), **why, **at(self.time),
                **scaled((1.0, 1.0))}  # fmt: skip
        status = self.call("OfxActionInstanceChanged", what, time=self.time)
        self.call("OfxActionEndInstanceChanged", why)
        return status

    def clip_preferences(self) -> dict[str, Any]:
        """Ask for the plug-in's preferences of its clips, and heed them; empty where some clip is not connected yet."""
        if any(not clip.source and not clip.optional for clip in self.inputs.values()):
            return {}
        output, wanted = self.inputs["Output"], {}
        connected = [clip for name, clip in self.inputs.items() if clip.source and name != "Output"]
        states = [clip.properties["OfxImageEffectPropPreMultiplication"] for clip in connected]
        usual = next((one for one in ("OfxImageAlphaPremultiplied", "OfxImageAlphaUnPremultiplied") if one in states),
                     "OfxImageOpaque")  # fmt: skip
        for clip in (*connected, output):
            components, aspect = "OfxImageEffectPropComponents", "OfxImagePropPixelAspectRatio"
            wanted[f"OfxImageClipPropComponents_{clip.name}"] = ("String", clip.properties[components])
            wanted[f"OfxImageClipPropDepth_{clip.name}"] = ("String", clip.depth)
            wanted[f"OfxImageClipPropPAR_{clip.name}"] = ("Double", clip.properties[aspect])
        wanted |= {
            "OfxImageEffectPropFrameRate": ("Double", output.properties["OfxImageEffectPropFrameRate"]),
            "OfxImageClipPropFieldOrder": ("String", "OfxFieldNone"),
            "OfxImageEffectPropPreMultiplication": ("String", usual), "OfxImageClipPropContinuousSamples": ("Int", 0),
            "OfxImageEffectFrameVarying": ("Int", 0),
        }  # fmt: skip
        before, found = {label: value for label, (_, value) in wanted.items()}, {}
        self.call(f"{_ACTION}GetClipPreferences", None, wanted, found)
        self._heed(before, found)
        return found

    def _heed(self, before: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        for name, clip in self.inputs.items():
            components = found.get(f"OfxImageClipPropComponents_{name}")
            if components is not None:
                may = clip.properties["OfxImageEffectPropSupportedComponents"]
                if components not in may:
                    self.record.violate(f"wants {components} of the clip {name}, which has {may}")
                elif name != "Output":
                    clip.properties["OfxImageEffectPropComponents"] = components
            for label in (f"OfxImageClipPropDepth_{name}", f"OfxImageClipPropPAR_{name}"):
                if found.get(label) != before.get(label):
                    self.record.violate(f"sets {label}, though it supports one depth and one aspect for all clips")
        self.inputs["Output"].properties["OfxImageEffectPropPreMultiplication"] = found[
            "OfxImageEffectPropPreMultiplication"
        ]

    def region_of_definition(self, time: float, scale: Scale = (1.0, 1.0)) -> tuple[float, ...]:
        """Return what the plug-in can fill, in canonical coordinates."""
        clip = self.inputs.get("Source")
        usual = clip.region() if clip and clip.source else self.inputs["Output"].region()
        wanted, found = {"OfxImageEffectPropRegionOfDefinition": ("Double", usual)}, {}
        self.call(f"{_ACTION}GetRegionOfDefinition", at(time) | scaled(scale), wanted, found, time)
        return tuple(found["OfxImageEffectPropRegionOfDefinition"])

    def regions_of_interest(
        self, time: float, region: tuple[float, ...] | None = None, scale: Scale = (1.0, 1.0)
    ) -> dict[str, tuple[float, ...]]:
        """Return what the plug-in needs of each clip, to make a region of the output; in canonical coordinates."""
        region = region or self.inputs["Output"].region()
        names = [name for name, clip in self.inputs.items() if clip.source and name != "Output"]
        wanted, found = {f"OfxImageClipPropRoI_{name}": ("Double", region) for name in names}, {}
        given = at(time) | scaled(scale) | {"OfxImageEffectPropRegionOfInterest": ("Double", region)}
        self.call(f"{_ACTION}GetRegionsOfInterest", given, wanted, found, time)
        return {name: tuple(found[f"OfxImageClipPropRoI_{name}"]) for name in names}

    def frames_needed(self, time: float) -> dict[str, list[float]]:
        """Return which times of each clip the plug-in needs, first and last of each range."""
        names = [name for name, clip in self.inputs.items() if clip.source and name != "Output"]
        wanted, found = {f"OfxImageClipPropFrameRange_{name}": ("Double", [time, time]) for name in names}, {}
        self.call(f"{_ACTION}GetFramesNeeded", at(time), wanted, found, time)
        return {name: found[f"OfxImageClipPropFrameRange_{name}"] for name in names}

    def time_domain(self) -> tuple[float, float]:
        """Return first and last time of what the plug-in makes."""
        assert self.context.endswith("General"), "other contexts are not asked"
        wanted, found = {"OfxImageEffectPropFrameRange": ("Double", self.frames)}, {}
        self.call(f"{_ACTION}GetTimeDomain", None, wanted, found)
        return tuple(found["OfxImageEffectPropFrameRange"])

    def is_identity(
        self, time: float, scale: Scale = (1.0, 1.0), window: Window | None = None
    ) -> tuple[str, float] | None:
        """Return name and time of a clip whose picture is what a render would give; None to render."""
        given = render_arguments(self, time, scale, window or window_of(self, scale))
        given = {name: one for name, one in given.items() if not name.endswith(("Status", "Draft", "Awareness"))}
        wanted, found = {"OfxPropName": ("String", ""), "OfxPropTime": ("Double", time)}, {}
        status = self.call(f"{_ACTION}IsIdentity", given, wanted, found, time)
        if status is not Status.OK:
            return None
        if found["OfxPropName"] not in self.inputs:
            self.record.violate(f"is identical to the clip {found['OfxPropName']!r}, which is none")
        return found["OfxPropName"], found["OfxPropTime"]

    def render(self, time: float, **options: Any) -> np.ndarray:
        """Render a frame as hosts do: see :func:`openfx.rendering.render`."""
        return render(self, time, **options)

    # What plug-ins ask of the instance, through the suites.

    def is_aborted(self) -> bool:
        if self.abort is not None and self.abort():
            self.aborted = True
        return self.aborted

    def is_cancelled(self) -> bool:
        return self.cancel is not None and self.cancel()

    def fetch(self, clip: Clip, time: float, action: Action) -> Image | None:
        """Return an image of a clip; None where there is none."""
        if clip.name == "Output":
            memory = self.output if action.name.endswith("ActionRender") else None
            if memory is None:
                self.record.violate("fetches an image of the output while it does not render")
        else:
            picture = clip.picture(time, action.scale)
            memory = None if picture is None else Memory(picture, clip.layout)
        if memory is None:
            return None
        image = Image(self.record, clip, memory, clip.pixel_corner(action.scale), action.scale)
        self.spoil(image)
        return image

    def release(self, image: Image) -> None:
        """Take an image back."""
        if image.clip.name != "Output":
            if not image.memory.is_as_it_was():
                self.record.violate(f"writes into an image of the clip {image.clip.name}")
            image.memory.free()
        image.end()

    def _tell_set(self, name: str) -> None:
        self.tell_changed("OfxTypeParameter", name, "OfxChangeUserEdited")
        if name in self.described.properties["OfxImageEffectPropClipPreferencesSlaveParam"]:
            self.clip_preferences()


def _lacks_colour(name: str, definition: Definition) -> bool:
    return definition.late
