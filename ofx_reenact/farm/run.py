"""A bundle on this machine: each worker a session as a farm's would be, over the same steps and chunks."""

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

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.farm.bundle import EXTENSIONS, TEMPLATE, VALUES, parameter_of, yaml_module
from ofx_reenact.farm.worker import Outcome, Worker
from ofx_reenact.settings import Settings, names_of_paths
from ofx_reenact.settings.option import is_path

# A task that fails is done once more. One whose process was lost is not to blame, so it has more tries.
_TRIES, _LOSSES = 2, 12
_MOST_FRAMES = 1_000_000
# Bytes of a bundle's file: what names a million frames one by one.
_LARGEST = 16 << 20
DONE, FAILED, NOT_RUN = "done", "failed", "not run"


@dataclass
class Task:
    """One task and what became of it."""

    step: str  # its step's name
    frames: str  # of its chunk, as Nuke writes them; empty for a step without chunks
    parameters: Any = field(repr=False)
    state: str = NOT_RUN  # ``done``, ``failed`` or ``not run``
    tries: int = 0  # how often it was begun, lost tries included
    lost: int = 0  # tries that ended because a process was killed
    said: str = ""  # its last status
    reason: str = ""  # why it failed
    seconds: float = 0.0  # of its last try

    @property
    def name(self) -> str:
        """What to call it before people."""
        return f"{self.step} {self.frames}".strip()

    def values(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "parameters"}


@dataclass(frozen=True)
class RunReport:
    """What became of a job's tasks."""

    workers: int
    seconds: float
    cancelled: bool
    tasks: tuple[Task, ...]

    @property
    def failed(self) -> tuple[Task, ...]:
        """Tasks that failed."""
        return tuple(task for task in self.tasks if task.state == FAILED)

    @property
    def whole(self) -> bool:
        """Whether all is done."""
        return all(task.state == DONE for task in self.tasks)

    def values(self) -> dict[str, Any]:
        """Return it as plain values."""
        about = {"schema": "ofx-reenact/job-report/1", "done": self.whole, "cancelled": self.cancelled}
        return {**about, "workers": self.workers, "seconds": self.seconds, "tasks": [t.values() for t in self.tasks]}


class LocalRun:
    """Runs a bundle with several workers."""

    def __init__(self, folder: Path, workers: int, tell: Callable[[Task], None] = lambda task: None) -> None:
        """Read the bundle of a folder; the log ``run.log`` goes there.

        ``workers`` is how many sessions there are at once; ``tell`` is called when a task has ended for good, from its
        worker's thread.

        Raises:
            SettingsError: it is no bundle, or its parameters cannot be used.
            ReenactError: the farm extra is not installed.
        """
        if workers < 1:
            raise SettingsError(f"--workers {workers}: give 1 or more")
        self.folder, self.workers, self._tell = folder, workers, tell
        self.job, self.parameters = read_bundle(folder)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._at_work: set[Worker] = set()

    @property
    def inputs(self) -> list[str]:
        """The files and sequences that the job reads."""
        names = names_of_paths("read", "weights")
        options = {parameter_of(one.name): one for one in dataclasses.fields(Settings) if one.name in names}
        said = [(options[name], str(value.value)) for name, value in self.parameters.items() if name in options]
        return [path for option, value in said for path in value.split(",") if is_path(option, path)]

    def run(self) -> RunReport:
        """Do all steps in order; an interruption cancels what runs, and the report says so."""
        from openjd.model import StepDependencyGraph

        started, tasks = time.monotonic(), []
        with _logged(self.folder / "run.log"):
            steps = StepDependencyGraph(job=self.job).topo_sorted()
            planned = {step.name: _tasks(step) for step in steps}
            for step in steps:
                tasks += planned[step.name]
                needed = [task for other in step.dependencies or () for task in planned[other.dependsOn]]
                if not self._stop.is_set() and all(task.state == DONE for task in needed):
                    self._do(step, planned[step.name])
        return RunReport(self.workers, round(time.monotonic() - started, 1), self._stop.is_set(), tuple(tasks))

    def _do(self, step: Any, tasks: list[Task]) -> None:
        """Do the tasks of a step, several at once."""
        waiting = deque(tasks)
        # Waited for through futures: a join that is interrupted takes its thread for one that has ended.
        with ThreadPoolExecutor(min(self.workers, len(tasks)), thread_name_prefix="worker") as pool:
            working = [pool.submit(self._work, step, waiting) for _ in range(min(self.workers, len(tasks)))]
            try:
                wait(working)
            except KeyboardInterrupt:
                self._stop.set()
                with self._lock:
                    at_work = list(self._at_work)
                for worker in at_work:
                    worker.cancel()
                wait(working)
        for work in working:
            work.result()

    def _work(self, step: Any, waiting: deque[Task]) -> None:
        """Take tasks until none is left."""
        worker = Worker(self.job, self.parameters, step)
        with self._lock:
            self._at_work.add(worker)
        try:
            while not self._stop.is_set():
                try:
                    task = waiting.popleft()
                except IndexError:
                    return
                started = time.monotonic()
                outcome = worker.do(task.parameters)
                task.seconds = round(time.monotonic() - started, 2)
                if self._again(task, outcome):
                    waiting.append(task)
                else:
                    self._tell(task)
        finally:
            with self._lock:
                self._at_work.discard(worker)
            worker.close()

    def _again(self, task: Task, outcome: Outcome) -> bool:
        """Take down how a try ended; returns whether there is to be another."""
        task.tries += 1
        task.lost += outcome.lost
        task.said, task.reason = outcome.said, outcome.reason
        if self._stop.is_set() and not outcome.done:
            task.reason = "cancelled"
            return False
        task.state = DONE if outcome.done else FAILED
        return not outcome.done and task.lost < _LOSSES and task.tries - task.lost < _TRIES


def read_bundle(folder: Path) -> tuple[Any, Any]:
    """Read a bundle's template and values; returns Open Job Description's job and its parameters.

    Raises:
        SettingsError: the bundle cannot be used.
        ReenactError: the farm extra is not installed.
    """
    yaml = yaml_module()
    try:
        from openjd.model import DecodeValidationError, create_job, decode_job_template, preprocess_job_parameters
    except ImportError as error:
        raise ReenactError("job run needs the farm extra: pip install 'ofx-reenact[farm]'") from error
    documents = {}
    for name in (TEMPLATE, VALUES):
        try:
            documents[name] = _load_yaml(yaml, folder / name)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise SettingsError(f"{folder / name}: cannot be read ({_one_line(error)})") from error
    values = _values(documents[VALUES], folder / VALUES)
    try:
        if not isinstance(documents[TEMPLATE], dict):
            raise ValueError("not an object")
        template = decode_job_template(template=documents[TEMPLATE], supported_extensions=EXTENSIONS)
    except (DecodeValidationError, ValueError) as error:
        raise SettingsError(f"{folder / TEMPLATE}: not a template that can be used: {_one_line(error)}") from error
    try:
        # Paths are the job's own, wherever they lie; the template brings no defaults for any.
        parameters = preprocess_job_parameters(
            job_template=template,
            job_parameter_values=values,
            job_template_dir=folder.absolute(),
            current_working_dir=Path.cwd(),
        )
        job = create_job(job_template=template, job_parameter_values=parameters)
        for step in job.steps:
            for name, listed in (step.parameterSpace.taskParameterDefinitions if step.parameterSpace else {}).items():
                if len(listed.range) > _MOST_FRAMES:
                    raise ValueError(f"{step.name}: {len(listed.range)} values of {name}, {_MOST_FRAMES} at most")
        return job, parameters
    except (DecodeValidationError, ValueError) as error:
        raise SettingsError(f"{folder / VALUES}: {_one_line(error)}") from error


def _load_yaml(yaml: Any, path: Path) -> Any:
    """Read a YAML file of plain values.

    Raises:
        OSError, ValueError, RecursionError, yaml.YAMLError: it cannot be read, or is not one.
    """
    with path.open("rb") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
    # A few lines of references to references can stand for more than any memory holds; no bundle has any.
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
        raise ValueError("references (*name) are not read")
    return yaml.safe_load(text)


def _values(content: Any, path: Path) -> dict[str, Any]:
    listed = content.get("parameterValues") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise SettingsError(f"{path}: expected parameterValues, a list of names and values")
    values: dict[str, Any] = {}
    for entry in listed:
        if not isinstance(entry, dict) or set(entry) != {"name", "value"} or not isinstance(entry["name"], str):
            raise SettingsError(f"{path}: {entry!r} is no name with a value")
        if isinstance(entry["value"], bool) or not isinstance(entry["value"], str | int | float):
            raise SettingsError(f"{path}: {entry['name']}: give text or a number")
        if "\0" in str(entry["value"]):
            raise SettingsError(f"{path}: {entry['name']}: no file name has a zero byte")
        # A farm's own settings, such as deadline:priority, are no parameters.
        if ":" not in entry["name"]:
            values[entry["name"]] = str(entry["value"])
    return values


def _tasks(step: Any) -> list[Task]:
    """A step's tasks, in chunks of the size that the bundle names."""
    from openjd.model import StepParameterSpaceIterator

    from ofx_reenact.frames.ranges import FrameRange

    space = step.parameterSpace
    if space is None:
        return [Task(step.name, "", {})]
    size = StepParameterSpaceIterator(space=space).chunks_default_task_count
    sets = StepParameterSpaceIterator(space=space, chunks_task_count_override=size)
    chunks = [(next(iter(chosen.values())).value, chosen) for chosen in sets]
    return [Task(step.name, str(FrameRange.from_openjd(str(said))), chosen) for said, chosen in chunks]


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send what the sessions log to a file, and nowhere else."""
    from openjd.sessions import LOG

    logger: logging.Logger = getattr(LOG, "logger", LOG)
    before = logger.propagate, logger.level
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(session_id)s %(message)s"))
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate, level = before
        logger.setLevel(level)
        handler.close()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
