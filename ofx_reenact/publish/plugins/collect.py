"""Collect rendered sequences: those named in the context, or the outputs of a Nuke script's Reenact nodes."""

from __future__ import annotations

from typing import Any, Dict

import pyblish.api

try:
    from ofx_reenact.publish.tasks import call
except ImportError:
    from reenact_nuke.publish import call

FAMILY = "reenact"


class CollectReenactSequences(pyblish.api.ContextPlugin):
    """Collect the sequences that ``context.data["reenact"]`` names, or the file that pyblish was started with."""

    label = "Rendered sequences"
    order = pyblish.api.CollectorOrder

    def process(self, context: Any) -> None:
        """Create an instance for each sequence."""
        named: Dict[str, Any] = context.data.get("reenact", {})
        started_with = str(context.data.get("currentFile") or "")
        is_sequence = started_with.lower().endswith(".exr") and any(mark in started_with for mark in "#%@")
        for output in named.get("outputs") or ([started_with] if is_sequence else []):
            _add(context, output, named.get("options", {}))


class CollectReenactNodes(pyblish.api.ContextPlugin):
    """Collect the outputs of the Reenact nodes in Nuke's script."""

    label = "Reenact nodes"
    order = pyblish.api.CollectorOrder

    def process(self, context: Any) -> None:
        """Create an instance for each node with an output."""
        try:
            from reenact_nuke.publish import sequences

            import nuke
        except ImportError:
            return
        if not hasattr(nuke, "allNodes"):
            # Not Nuke's module: a folder named nuke on sys.path, as in a checkout, can be imported too.
            return
        named: Dict[str, Any] = context.data.get("reenact", {})
        for output, node in sequences().items():
            _add(context, output, named.get("options", {})).data["node"] = node


def _add(context: Any, output: str, options: Dict[str, Any]) -> Any:
    about = call("collect", output, options)
    instance = context.create_instance(about["name"], family=FAMILY, families=[FAMILY])
    instance.data.update({key: value for key, value in about.items() if key != "name"})
    instance.data.update(
        label="{} v{:03d} ({})".format(about["name"], about["version"], about["frames"]), output=output
    )
    return instance
