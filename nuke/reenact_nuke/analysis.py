"""What is made once before frames are rendered: who is tracked, and what all renders of a moving target share."""

from __future__ import annotations

import os
from typing import Any, Dict, Sequence

from reenact_nuke import animated, inputs, kept, paths
from reenact_nuke.performances import made_of, tracking_settings
from reenact_nuke.resolve import Resolved
from reenact_nuke.state import describe, remember
from reenact_nuke.subjects import Subject
from reenact_nuke.task import Call, in_main


def settings_of(found: Resolved, subject: Subject) -> Dict[str, Any]:
    """The settings that somebody is tracked with, a target as a driver would be."""
    settings = tracking_settings(found, subject)
    settings.pop("frames", None)
    settings["performance"] = found.settings[subject.option]
    return settings


def shared_settings(found: Resolved) -> Dict[str, Any]:
    """The settings of all that renders share: both performances, the identity, where parts come from."""
    names = [option["name"] for option in paths.options() if {"track", "person", "pixels"} & set(option["affects"])]
    return {name: found.settings[name] for name in names if name in found.settings}


class Analysis:
    """The tracking of some of a node's subjects; made in the main thread, done beside it."""

    def __init__(self, node: Any, found: Resolved, needed: Sequence[Subject]) -> None:
        self.node, self.found, self.needed = node, found, needed
        # Of what is there now: files that change meanwhile are then not those that were tracked.
        self.made = {subject.name: made_of(found, subject) for subject in needed}

    def track(self, call: Call) -> str:
        """Have the engine track; each performance is remembered at once, however the rest ends.

        Returns:
            A line for the artist.
        """
        said = []
        for subject in self.needed:
            about = subject.name if self.found.moves else ""
            done = call("analyse", about=about, settings=settings_of(self.found, subject))
            in_main(remember, self.node, subject, self.made[subject.name], done)
            said.append((about + " " if about else "") + describe(done))
        return " | ".join(said)

    def share(self, call: Call) -> None:
        """Have the engine make what renders of a moving target share; what is there already is read."""
        if self.found.moves:
            call("analyse", about="", settings=shared_settings(self.found), fresh=False)
            in_main(kept.remember, self.node, self.found)


def prepare(node: Any, found: Resolved, needed: Sequence[Subject] = (), first: int = 0, last: int = -1) -> None:
    """Let Nuke render the inputs that are no files, and write what the node's curves come to.

    Args:
        node: the Reenact node.
        found: the node, resolved.
        needed: who will be tracked.
        first, last: the frames that will be rendered; none if the last is before the first.
    """
    if found.curves:
        animated.write(found.settings["curves"], found.curves)
    tracked = [subject.input for subject in needed]
    target, driver = found.target, found.driver
    if target.rendered and found.moves:
        # Once for all, whoever is tracked: its pixels are needed even where its performance is there.
        if not all(map(os.path.isfile, target.files)):
            inputs.render(node, inputs.TARGET, target, target.first, target.last)
            kept.remember_rendered(node, target)
    elif target.rendered and not found.moves and first <= last:
        frame = found.settings["target_frame"]
        inputs.render(node, inputs.TARGET, target, frame, frame)
    if driver.rendered and inputs.DRIVER in tracked:
        span = (driver.first, driver.last) if found.moves else (found.first, found.last)
        inputs.render(node, inputs.DRIVER, driver, *span)
    for index, matte in found.mattes.items():
        if matte.rendered and first <= last:
            inputs.render(node, index, matte, first, last)
