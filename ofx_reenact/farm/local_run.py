"""Run a bundle on this machine: the steps in order, the tasks of a step on several workers at once."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ofx_reenact.errors import SettingsError
from ofx_reenact.farm.bundle import parameter_of
from ofx_reenact.farm.bundle_reader import read_bundle
from ofx_reenact.farm.local_worker import LocalWorker, Outcome
from ofx_reenact.settings import Settings, names_of_paths
from ofx_reenact.settings.option import is_path

# A task that fails is run a second time. A killed process is not the task's fault, so it has more tries.
_MOST_TRIES, _MOST_LOST = 2, 12
DONE, FAILED, NOT_RUN = "done", "failed", "not run"


@dataclass
class Task:
    """One task and its result."""

    step: str  # name of its step
    frames: str  # of its chunk, as 1-10x3; empty for a step without chunks
    parameters: Any = field(repr=False)
    state: str = NOT_RUN  # ``done``, ``failed`` or ``not run``
    tries: int = 0  # how often it was started, with the lost tries
    lost: int = 0  # tries in which its process was killed
    status: str = ""  # last status message
    reason: str = ""  # why it failed
    seconds: float = 0.0  # of the last try

    @property
    def name(self) -> str:
        """Step and frames, for messages."""
        return f"{self.step} {self.frames}".strip()

    def as_dict(self) -> dict[str, Any]:
        """Return the task as ``report.json`` has it."""
        return {
            "step": self.step, "frames": self.frames, "state": self.state, "tries": self.tries, "lost": self.lost,
            "said": self.status, "reason": self.reason, "seconds": self.seconds,
        }  # fmt: skip


@dataclass(frozen=True)
class RunReport:
    """The result of a job: its tasks, and how long it took (seconds)."""

    workers: int
    seconds: float
    cancelled: bool
    tasks: tuple[Task, ...]

    @property
    def failed(self) -> tuple[Task, ...]:
        """Tasks that failed."""
        return tuple(task for task in self.tasks if task.state == FAILED)

    @property
    def done(self) -> bool:
        """Whether every task is done."""
        return all(task.state == DONE for task in self.tasks)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``report.json``."""
        about = {"schema": "ofx-reenact/job-report/1", "done": self.done, "cancelled": self.cancelled}
        return {**about, "workers": self.workers, "seconds": self.seconds, "tasks": [t.as_dict() for t in self.tasks]}


class LocalRun:
    """Runs a bundle with several workers."""

    def __init__(self, folder: Path, workers: int, on_task_end: Callable[[Task], None] = lambda task: None) -> None:
        """Read the bundle in a folder; the log is ``run.log`` in it.

        Args:
            folder: of the bundle.
            workers: how many sessions run at once.
            on_task_end: called after a task's last try, in its worker's thread.

        Raises:
            SettingsError: the bundle is not valid.
            ReenactError: the farm extra is not installed.
        """
        if workers < 1:
            raise SettingsError(f"--workers {workers}: give 1 or more")
        self.folder, self.workers, self._on_task_end = folder, workers, on_task_end
        self.job, self.parameters = read_bundle(folder)
        self._stop = threading.Event()

    @property
    def inputs(self) -> list[str]:
        """The files and sequences that the job reads."""
        names = names_of_paths("read", "weights")
        options = {parameter_of(option.name): option for option in dataclasses.fields(Settings) if option.name in names}
        values = [(options[name], str(value.value)) for name, value in self.parameters.items() if name in options]
        return [path for option, value in values for path in value.split(",") if is_path(option, path)]

    def run(self) -> RunReport:
        """Run all steps in order. KeyboardInterrupt cancels the running tasks, and the report is ``cancelled``."""
        from openjd.model import StepDependencyGraph

        started, tasks = time.monotonic(), []
        with _log_to(self.folder / "run.log"):
            steps = StepDependencyGraph(job=self.job).topo_sorted()
            planned = {step.name: _tasks_of(step) for step in steps}
            for step in steps:
                tasks += planned[step.name]
                needed = [task for other in step.dependencies or () for task in planned[other.dependsOn]]
                if not self._stop.is_set() and all(task.state == DONE for task in needed):
                    self._run_step(step, planned[step.name])
        return RunReport(self.workers, round(time.monotonic() - started, 1), self._stop.is_set(), tuple(tasks))

    def _run_step(self, step: Any, tasks: list[Task]) -> None:
        waiting = deque(tasks)
        workers = [LocalWorker(self.job, self.parameters, step) for _ in range(min(self.workers, len(tasks)))]
        # Futures, because Thread.join, if it is interrupted, marks its thread as ended although it still runs.
        with ThreadPoolExecutor(len(workers), thread_name_prefix="worker") as pool:
            futures = [pool.submit(self._run_tasks, worker, waiting) for worker in workers]
            try:
                wait(futures)
            except KeyboardInterrupt:
                self._stop.set()
                for worker in workers:
                    worker.cancel()
                wait(futures)
        for future in futures:
            future.result()

    def _run_tasks(self, worker: LocalWorker, waiting: deque[Task]) -> None:
        """Take tasks and run them until none is waiting."""
        with contextlib.closing(worker):
            while not self._stop.is_set():
                try:
                    task = waiting.popleft()
                except IndexError:
                    return
                started = time.monotonic()
                outcome = worker.run_task(task.parameters)
                task.seconds = round(time.monotonic() - started, 2)
                if self._record_try(task, outcome):
                    waiting.append(task)
                else:
                    self._on_task_end(task)

    def _record_try(self, task: Task, outcome: Outcome) -> bool:
        """Write the outcome of a try into the task; return whether it has to be tried again."""
        task.tries += 1
        task.lost += outcome.lost
        task.status, task.reason = outcome.status, outcome.reason
        if self._stop.is_set() and not outcome.done:
            task.reason = "cancelled"
            return False
        task.state = DONE if outcome.done else FAILED
        return not outcome.done and task.lost < _MOST_LOST and task.tries - task.lost < _MOST_TRIES


def _tasks_of(step: Any) -> list[Task]:
    """Return the tasks of a step, in chunks of the bundle's default size."""
    from openjd.model import StepParameterSpaceIterator

    from ofx_reenact.frames.ranges import FrameRange

    space = StepParameterSpaceIterator(space=step.parameterSpace)
    name, size = space.chunks_parameter_name, space.chunks_default_task_count
    if name is None:
        return [Task(step.name, "", parameters) for parameters in space]
    # An explicit size turns off adaptive chunks (--chunk-seconds), which need the time of each chunk that is done.
    sets = StepParameterSpaceIterator(space=step.parameterSpace, chunks_task_count_override=size)
    return [Task(step.name, str(FrameRange.from_openjd(one[name].value)), one) for one in sets]


@contextlib.contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Write the log of all sessions into a file."""
    from openjd.sessions import LOG

    with contextlib.closing(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")) as handler:
        # The library's own warnings name no session.
        form = logging.Formatter("%(asctime)s %(session_id)s %(message)s", defaults={"session_id": "-"})
        handler.setFormatter(form)
        LOG.addHandler(handler)
        try:
            yield
        finally:
            LOG.removeHandler(handler)
