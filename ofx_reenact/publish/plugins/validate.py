"""Validate: one plugin for each check; the frames are read once for all."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List

import pyblish.api

try:
    from ofx_reenact.publish.tasks import call
except ImportError:
    from reenact_nuke.publish import call

REPORT = "reenactReport"


class _Action(pyblish.api.Action):
    """Runs a task for every instance that failed."""

    on = "failed"
    task = ""

    def process(self, context: Any, plugin: Any) -> None:
        """Run the task, and discard the instance's report, which is out of date."""
        results = context.data.get("results", [])
        failed = [result["instance"] for result in results if result["error"] and result["plugin"].id == plugin.id]
        for instance in {one.id: one for one in failed}.values():
            frames = call(self.task, instance.data["output"], instance.data["options"])
            instance.data.pop(REPORT, None)
            self.log.info("%s: %s: frames %s", self.label, instance.data["output"], frames or "none")


class RenderMissingFrames(_Action):
    """Render the missing frames with the sidecar's settings."""

    label, icon, task = "Render missing frames", "film", "render_missing"


class WriteSidecar(_Action):
    """Add frames that the sidecar does not have, from their attributes."""

    label, icon, task = "Write the sidecar again", "file-text", "write_sidecar"


class _Validator(pyblish.api.InstancePlugin):
    """Fails with the problems of one check."""

    order = pyblish.api.ValidatorOrder
    families: ClassVar[List[str]] = ["reenact"]
    check = ""

    def process(self, instance: Any) -> None:
        """Raise the check's problems; log its notes."""
        if REPORT not in instance.data:
            instance.data[REPORT] = call("examine", instance.data["output"], instance.data["options"])
        answer: Dict[str, Any] = instance.data[REPORT]["checks"][self.check]
        for note in answer["notes"]:
            self.log.warning(note)
        if answer["problems"]:
            raise pyblish.api.PyblishError("\n".join(answer["problems"]))


# For each plugin: name (the check's, capitalised), label, actions, docstring. The loop below makes its class; pyblish
# finds the classes by their names in this module.
_PLUGINS: Any = (
    ("Frames", "Frames complete", [RenderMissingFrames], "Every frame is there and decodes whole."),
    ("Finite", "No NaN or Inf", [], "No value is NaN or infinite."),
    ("Repeats", "No repeated frames", [], "No frame repeats another where target or driver moved."),
    ("Plate", "As the plate", [], "Windows, channels and depth are the plate's."),
    ("Resolution", "The plate's resolution", [], "No frame is a proxy, which is made for previews."),
    ("Colour", "Colour space tagged", [], "Every frame is tagged with its colour space."),
    ("Timing", "Rate and timecode", [], "Rate and timecode are the plate's."),
    ("Sidecar", "Sidecar", [WriteSidecar], "The sidecar is there, complete, and its hashes are right."),
    ("Origin", "Origin", [], "Every frame was made from the inputs and with the options that the sidecar names."),
    ("Faces", "Driver's faces", [WriteSidecar], "The sidecar tells how the driver's face was found in each frame."),
    ("Weights", "Weights approved", [], "The weights are on the approved list."),
    ("Consent", "Consent", [], "There is a release of the person shown, and it has not expired."),
    ("Provenance", "Provenance", [], "Every frame has its attributes, and number, pixels and sidecar agree with them."),
    ("Version", "Version is new", [], "The version is not published yet."),
)
for _name, _label, _actions, _doc in _PLUGINS:
    _fields = {"__doc__": _doc, "label": _label, "check": _name.lower(), "actions": _actions}
    globals()["ValidateReenact" + _name] = type("ValidateReenact" + _name, (_Validator,), _fields)
