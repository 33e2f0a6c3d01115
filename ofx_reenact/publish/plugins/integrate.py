"""Integrate: copy the representations into the version's folder."""

from __future__ import annotations

from typing import Any, ClassVar, List

import pyblish.api

try:
    from ofx_reenact.publish.tasks import call
except ImportError:
    from reenact_nuke.publish import call


class IntegrateReenactVersion(pyblish.api.InstancePlugin):
    """Copy the representations to ``TARGET_DIR/NAME/vNNN``, if a target folder is set."""

    label = "Publish the version"
    order = pyblish.api.IntegratorOrder
    families: ClassVar[List[str]] = ["reenact"]

    def process(self, instance: Any) -> None:
        """Publish the version, and store its place in ``published``."""
        data = instance.data
        if not data["options"]["target_dir"]:
            self.log.info("no folder to publish into is set")
            return
        results = instance.context.data["results"]
        if any(result["error"] and result["instance"] == instance for result in results):
            raise pyblish.api.PyblishError("not published: an earlier step of this sequence failed")
        about = {key: data[key] for key in ("output", "frames", "frameStart", "frameEnd", "fps", "colorspace")}
        about["checks"] = data.get("reenactReport", {}).get("checks", {})
        data["published"] = call(
            "integrate", data["output"], data["options"], representations=data["representations"], about=about
        )
        data["version"] = data["published"]["version"]
