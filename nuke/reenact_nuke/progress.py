"""Progress of a task: Nuke's progress bar, or lines on stdout in a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Dict, Optional, Type

import nuke

_STAGES = {"target": "Target", "driver": "Tracking", "render": "Rendering"}


class Progress:
    """Shows progress during a ``with`` block; made and used in the thread that does the work."""

    def __init__(self, title: str) -> None:
        self._title = title
        # Who is tracked, driver or target, where both may be.
        self.about = ""
        self._bar: Any = None
        self._printed = ""

    def __enter__(self) -> Progress:
        if nuke.GUI:
            self._bar = nuke.ProgressTask(self._title)
            self._bar.setMessage("starting the engine")
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        # Nuke closes the bar when the last reference to it is gone.
        self._bar = None

    def cancelled(self) -> bool:
        """Tell whether the bar's cancel button was pressed."""
        return self._bar is not None and bool(self._bar.isCancelled())

    def show(self, event: Dict[str, Any]) -> None:
        """Show one progress event of the engine."""
        text = describe(event, self.about)
        if self._bar is not None:
            if event.get("total"):
                self._bar.setProgress(int(100 * event["done"] / event["total"]))
            self._bar.setMessage(text)
        elif text != self._printed:
            print(f"{self._title}: {text}", flush=True)
            self._printed = text


def describe(event: Dict[str, Any], about: str = "") -> str:
    """Write one line: stage, who is tracked, frame, frames done, frames a second, seconds left."""
    parts = [_STAGES.get(str(event.get("stage")), str(event.get("stage")))]
    if about and event.get("stage") == "driver":
        parts[0] += f" the {about},"
    if event.get("frame") is not None:
        parts[0] += " frame {}".format(event["frame"])
    if event.get("total") and event["total"] > 1:
        parts.append("{} of {}".format(event["done"], event["total"]))
    if event.get("rate"):
        parts.append("{:.2g} a second".format(event["rate"]))
    if event.get("eta"):
        parts.append("{:.0f} s left".format(event["eta"]))
    if event.get("message"):
        parts.append(str(event["message"]))
    return ", ".join(parts)
