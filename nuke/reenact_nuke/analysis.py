"""What is done once before frames are rendered: rendering of inputs in Nuke, tracking, files of a moving target."""

from __future__ import annotations

import os
from typing import Any, Dict, Sequence

from reenact_nuke import curve_files, inputs, moving_target_files, options
from reenact_nuke.engine_task import Call, run_in_main_thread
from reenact_nuke.job import Job
from reenact_nuke.performance_files import describe, remember, tracking_settings, tracking_sources
from reenact_nuke.tracked_inputs import TrackedInput


def settings_to_track(job: Job, tracked: TrackedInput) -> Dict[str, Any]:
    """Give the settings of the engine's ``analyse`` that tracks one input, the target as a driver."""
    settings = tracking_settings(job, tracked)
    settings.pop("frames", None)
    settings["performance"] = job.settings[tracked.option]
    return settings


def shared_settings(job: Job) -> Dict[str, Any]:
    """Give the settings of what all renders share: both performances, the identity, the parts file."""
    affecting = [option for option in options.all_options() if {"track", "person", "pixels"} & set(option["affects"])]
    names = [option["name"] for option in affecting]
    return {name: job.settings[name] for name in names if name in job.settings}


class Analysis:
    """The tracking of a node's inputs: made in Nuke's main thread, run in the thread of a task."""

    def __init__(self, node: Any, job: Job, needed: Sequence[TrackedInput]) -> None:
        self.node, self.job, self.needed = node, job, needed
        # Taken before tracking: a file that changes meanwhile then counts as changed.
        self.sources = {tracked.name: tracking_sources(job, tracked) for tracked in needed}

    def track(self, call: Call) -> str:
        """Have the engine track; each performance is remembered at once, even if a later one fails.

        Returns:
            A line for the artist.
        """
        lines = []
        for tracked in self.needed:
            about = tracked.name if self.job.moves else ""
            done = call("analyse", about=about, settings=settings_to_track(self.job, tracked))
            run_in_main_thread(remember, self.node, tracked, self.sources[tracked.name], done)
            lines.append((about + " " if about else "") + describe(done))
        return " | ".join(lines)

    def make_shared_files(self, call: Call) -> None:
        """Have the engine make the files that all renders of a moving target share, unless they exist."""
        if self.job.moves:
            call("analyse", about="", settings=shared_settings(self.job), fresh=False)
            run_in_main_thread(moving_target_files.remember_files, self.node, self.job)


def prepare(node: Any, job: Job, needed: Sequence[TrackedInput] = (), first: int = 0, last: int = -1) -> None:
    """Have Nuke render the inputs that are not files, and write the file of curves.

    Args:
        node: the Reenact node.
        job: read from the node.
        needed: inputs that will be tracked.
        first, last: the frames that will be rendered, both included; none if the last is before the first.
    """
    if job.curves:
        curve_files.write(job.settings["curves"], job.curves)
    target, driver = job.target, job.driver
    if target.rendered and job.moves:
        # Even if its performance exists: the engine needs the pixels.
        if not all(map(os.path.isfile, target.files)):
            inputs.render_input(node, inputs.TARGET, target, target.first, target.last)
            moving_target_files.remember_rendered_target(node, target)
    elif target.rendered and not job.moves and first <= last:
        frame = job.settings["target_frame"]
        inputs.render_input(node, inputs.TARGET, target, frame, frame)
    if driver.rendered and inputs.DRIVER in [tracked.number for tracked in needed]:
        span = (driver.first, driver.last) if job.moves else (job.first, job.last)
        inputs.render_input(node, inputs.DRIVER, driver, *span)
    for index, matte in job.mattes.items():
        if matte.rendered and first <= last:
            inputs.render_input(node, index, matte, first, last)
