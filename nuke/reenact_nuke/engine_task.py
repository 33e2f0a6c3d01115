"""Run work of the engine in a thread, and put its result into the script in Nuke's main thread.

The node's buttons are grey meanwhile. In a terminal there is no thread: progress goes to stdout, errors are raised,
and no question is asked.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Optional

import nuke
from reenact_nuke import colour, engine_session, knobs, layout, log
from reenact_nuke.errors import Cancelled, ReenactError
from reenact_nuke.progress import Progress

# call(request, about=driver or target for the progress bar, **fields) returns the engine's answer.
Call = Callable[..., Dict[str, Any]]


class Task:
    """Work of the engine for one node.

    Attributes:
        node: the Reenact node.
        title: of the progress bar.
        work: called in the thread; sends requests to the engine and must not touch the script.
        finish: called in the main thread with the result of ``work``; returns the text of the status line.
    """

    def __init__(self, node: Any, title: str, work: Callable[[Call], Any], finish: Callable[[Any], str]) -> None:
        self.node, self.title, self.work, self.finish = node, title, work, finish
        self.name = node.name()
        self.ocio = colour.ocio_config()
        self.cancelled = threading.Event()
        self.thread: Optional[threading.Thread] = None


class Running:
    """The task that runs in this Nuke session, if any: the engine does one job at a time."""

    current: Optional[Task] = None


RUNNING = Running()


def start(task: Task) -> None:
    """Run a task: in a thread if Nuke has a window, else at once.

    Raises:
        ReenactError: another task runs; in a terminal, also if this one fails.
    """
    require_idle()
    RUNNING.current = task
    _enable_buttons(task.node, False)
    if nuke.GUI:
        task.thread = threading.Thread(target=_work, args=(task,), name="reenact-" + task.title)
        task.thread.daemon = True
        task.thread.start()
    else:
        _work(task)


def _work(task: Task) -> None:
    """Do a task's work, and have the main thread end the task with the result or the error."""
    outcome: Any = ReenactError("the work ended without a result")
    try:
        with Progress("Reenact: " + task.title) as progress:
            engine = engine_session.SESSION.get(task.ocio)
            if engine.note:
                log.write(engine.note)

            def call(do: str, about: str = "", **fields: Any) -> Dict[str, Any]:
                progress.about = about
                return engine.call(
                    do,
                    fields,
                    progress.show,
                    lambda: task.cancelled.is_set() or progress.cancelled(),
                    engine_session.silence_seconds(),
                )

            outcome = (task.work(call), engine.note)
            engine.note = ""
    except (ReenactError, Cancelled) as error:
        outcome = error
    except KeyboardInterrupt:
        outcome = Cancelled()
    except BaseException as error:
        log.write_traceback()
        outcome = ReenactError(f"The Reenact node has a bug: {error!r}. Send the log to your support: {log.path()}")
    finally:
        if nuke.GUI:
            nuke.executeInMainThread(_end, args=(task, outcome))
        else:
            _end(task, outcome)


def _end(task: Task, outcome: Any) -> None:
    """Put the result into the script, or report what went wrong; enable the buttons in any case."""
    RUNNING.current = None
    message = ""
    try:
        if isinstance(outcome, Cancelled):
            text = "cancelled"
            if outcome.written:
                count = len(outcome.written)
                text += f"; {count} frames are complete: set existing to skip and press Render to continue"
            message = "" if nuke.GUI else text
        elif isinstance(outcome, ReenactError):
            text = message = str(outcome)
        else:
            result, note = outcome
            text = task.finish(result)
            if note and nuke.GUI:
                message = note
        _set_status(task.node, text)
    except ReenactError as error:
        message = str(error)
        _set_status(task.node, message)
    except Exception as error:
        log.write_traceback()
        message = f"{task.name}: the result could not be put into the script ({error}). Log: {log.path()}"
    finally:
        _enable_buttons(task.node, True)
    if message:
        report_error(message)


def run_in_main_thread(call: Callable[..., Any], *args: Any) -> None:
    """Call something in Nuke's main thread while the work continues; its errors go to the log."""

    def guarded() -> None:
        try:
            call(*args)
        except Exception:
            log.write_traceback()

    if nuke.GUI:
        nuke.executeInMainThread(guarded)
    else:
        guarded()


def cancel() -> None:
    """Cancel the task that runs."""
    if RUNNING.current is not None:
        RUNNING.current.cancelled.set()


def restore_buttons(node: Any) -> None:
    """Enable a node's buttons unless its task runs."""
    if RUNNING.current is None or RUNNING.current.node != node:
        _enable_buttons(node, True)


def require_idle() -> None:
    """Check that no task runs.

    Raises:
        ReenactError: one does.
    """
    if RUNNING.current is not None:
        raise ReenactError(f"{RUNNING.current.name} is busy ({RUNNING.current.title}): wait for it or press Cancel")


def report_error(message: str) -> None:
    """Show an error to the artist.

    Raises:
        ReenactError: in a terminal, with the message.
    """
    log.write("error: " + message)
    if not nuke.GUI:
        raise ReenactError(message)
    nuke.message(message)


def _set_status(node: Any, text: str) -> None:
    log.write(text)
    knobs.knob(node, layout.PREFIX + "status").setValue(text.splitlines()[0] if text else "")
    if not nuke.GUI:
        nuke.tprint(text)


def _enable_buttons(node: Any, enabled: bool) -> None:
    """Enable or grey the buttons that start a task; a node that was deleted meanwhile has none."""
    try:
        for action in layout.BUTTONS:
            knob = node.knob(layout.PREFIX + "do_" + action)
            if knob is not None:
                knob.setEnabled(enabled)
    except ValueError:
        log.write("the node was deleted while its task ran")
