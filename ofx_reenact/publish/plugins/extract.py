"""Extract a contact sheet and a preview, and list all files."""

from __future__ import annotations

from typing import Any, ClassVar, List

import pyblish.api

try:
    from ofx_reenact.publish.tasks import call
except ImportError:
    from reenact_nuke.publish import call


class ExtractReenactRepresentations(pyblish.api.InstancePlugin):
    """Make contact sheet and preview, and list every file to publish."""

    label = "Contact sheet and preview"
    order = pyblish.api.ExtractorOrder
    families: ClassVar[List[str]] = ["reenact"]

    def process(self, instance: Any) -> None:
        """Add the files to ``representations``."""
        data = instance.data
        made = call("represent", data["output"], data["options"], staging=data["stagingDir"], frames=data["frames"])
        data.setdefault("representations", []).extend(made)
