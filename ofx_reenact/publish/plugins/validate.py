"""Validate: one plugin for each question, all answered by one look at the frames."""

from __future__ import annotations

from typing import Any, ClassVar, Dict, List

import pyblish.api

try:
    from ofx_reenact.publish.tasks import call
except ImportError:
    from reenact_nuke.publish import call

REPORT = "reenactReport"


class _Repair(pyblish.api.Action):
    """Do a task for every instance that failed."""

    on = "failed"
    task = ""

    def process(self, context: Any, plugin: Any) -> None:
        """Repair, and forget what was found before."""
        results = context.data.get("results", [])
        failed = [result["instance"] for result in results if result["error"] and result["plugin"].id == plugin.id]
        for instance in {one.id: one for one in failed}.values():
            frames = call(self.task, instance.data["output"], instance.data["options"])
            instance.data.pop(REPORT, None)
            self.log.info("%s: %s: frames %s", self.label, instance.data["output"], frames or "none")


class RenderMissingFrames(_Repair):
    """Render the missing frames, as the sidecar says they were to be."""

    label, icon, task = "Render missing frames", "film", "render_missing"


class WriteSidecar(_Repair):
    """Write into the sidecar what it lacks, from what the frames say of themselves."""

    label, icon, task = "Write the sidecar again", "file-text", "write_sidecar"


class _Validator(pyblish.api.InstancePlugin):
    """Fail with what one check found."""

    order = pyblish.api.ValidatorOrder
    families: ClassVar[List[str]] = ["reenact"]
    check = ""

    def process(self, instance: Any) -> None:
        """Raise what is wrong; log what could not be told."""
        if REPORT not in instance.data:
            instance.data[REPORT] = call("examine", instance.data["output"], instance.data["options"])
        answer: Dict[str, Any] = instance.data[REPORT]["checks"][self.check]
        for note in answer["notes"]:
            self.log.warning(note)
        if answer["problems"]:
            raise pyblish.api.PyblishError("\n".join(answer["problems"]))


class ValidateReenactFrames(_Validator):
    """Every frame is there and decodes whole."""

    label, check, actions = "Frames complete", "frames", [RenderMissingFrames]


class ValidateReenactFinite(_Validator):
    """No value is NaN or infinite."""

    label, check = "No NaN or Inf", "finite"


class ValidateReenactRepeats(_Validator):
    """No frame repeats another where the driver moved."""

    label, check = "No repeated frames", "repeats"


class ValidateReenactPlate(_Validator):
    """Windows, channels and depth are the plate's."""

    label, check = "As the plate", "plate"


class ValidateReenactColour(_Validator):
    """Every frame is tagged with its colour space."""

    label, check = "Colour space tagged", "colour"


class ValidateReenactTiming(_Validator):
    """Rate and timecode are kept."""

    label, check = "Rate and timecode", "timing"


class ValidateReenactSidecar(_Validator):
    """The sidecar is there, complete, and its hashes are right."""

    label, check, actions = "Sidecar", "sidecar", [WriteSidecar]


class ValidateReenactFaces(_Validator):
    """Frames without a face of the driver are named."""

    label, check, actions = "Driver's faces", "faces", [WriteSidecar]


class ValidateReenactWeights(_Validator):
    """The weights are on the approved list."""

    label, check = "Weights approved", "weights"


class ValidateReenactConsent(_Validator):
    """There is a release of the person shown, and it has not expired."""

    label, check = "Consent", "consent"


class ValidateReenactProvenance(_Validator):
    """Every frame says what made it."""

    label, check = "Provenance", "provenance"


class ValidateReenactVersion(_Validator):
    """The version is not published yet."""

    label, check = "Version is new", "version"
