"""Work for the engine: a task runs beside Nuke, its outcome is wired in the main thread, the buttons always come back.

In a terminal everything happens in place: progress goes to stdout, errors are raised, nothing asks.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, Optional

import nuke
from reenact_nuke import colour, knobs, layout, log, session
from reenact_nuke.errors import Cancelled, ReenactError
from reenact_nuke.progress import Progress

Call = Callable[..., Dict[str, Any]]


class Task:
    """One thing that the engine is asked to do for a node.

    Attributes:
        node: the Reenact node.
        title: what the progress bar says.
        work: run beside Nuke; talks to the engine, touches nothing of the script.
        finish: run in the main thread with what ``work`` returned; returns what the status line says.
    """

    def __init__(self, node: Any, title: str, work: Callable[[Call], Any], finish: Callable[[Any], str]) -> None:
        self.node, self.title, self.work, self.finish = node, title, work, finish
        self.name = node.name()
        self.ocio = colour.config()
        self.cancelled = threading.Event()
        self.thread: Optional[threading.Thread] = None


class Desk:
    """What this session is at work on: one task or none."""

    current: Optional[Task] = None


DESK = Desk()


def start(task: Task) -> None:
    """Run a task: beside Nuke if it has a window, else in place.

    Raises:
        ReenactError: another one runs; in a terminal, what went wrong.
    """
    see_idle()
    DESK.current = task
    _buttons(task.node, busy=True)
    if nuke.GUI:
        task.thread = threading.Thread(target=_work, args=(task,), name="reenact-" + task.title)
        task.thread.daemon = True
        task.thread.start()
    else:
        _work(task)


def _work(task: Task) -> None:
    """Do a task's work and hand the outcome to the main thread, whatever it is."""
    outcome: Any = ReenactError("the work ended without an outcome")
    try:
        with Progress("Reenact: " + task.title) as progress:
            engine = session.SESSION.get(task.ocio)
            if engine.note:
                log.write(engine.note)

            def call(do: str, about: str = "", **fields: Any) -> Dict[str, Any]:
                progress.about = about
                return engine.call(
                    do,
                    fields,
                    progress.show,
                    lambda: task.cancelled.is_set() or progress.cancelled(),
                    session.silence(),
                )

            outcome = (task.work(call), engine.note)
            engine.note = ""
    except (ReenactError, Cancelled) as error:
        outcome = error
    except KeyboardInterrupt:
        outcome = Cancelled()
    except BaseException as error:
        log.write_traceback()
        outcome = ReenactError(f"A defect of the Reenact node: {error!r}. Log: {log.path()}")
    finally:
        if nuke.GUI:
            nuke.executeInMainThread(_end, args=(task, outcome))
        else:
            _end(task, outcome)


def _end(task: Task, outcome: Any) -> None:
    """Wire the result, or say what went wrong; the buttons come back either way."""
    DESK.current = None
    message = ""
    try:
        if isinstance(outcome, Cancelled):
            text = "cancelled"
            if outcome.written:
                text += f"; {len(outcome.written)} frames are whole: set existing to skip and press Render to go on"
            message = "" if nuke.GUI else text
        elif isinstance(outcome, ReenactError):
            text = message = str(outcome)
        else:
            result, note = outcome
            text = task.finish(result)
            if note and nuke.GUI:
                message = note
        _status(task.node, text)
    except ReenactError as error:
        message = str(error)
        _status(task.node, message)
    except Exception as error:
        log.write_traceback()
        message = f"{task.name}: the result could not be put into the script ({error}). Log: {log.path()}"
    finally:
        _buttons(task.node, busy=False)
    if message:
        complain(message)


def in_main(call: Callable[..., Any], *args: Any) -> None:
    """Have something done to the script while the work goes on; what goes wrong there is logged."""

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
    """Stop what runs."""
    if DESK.current is not None:
        DESK.current.cancelled.set()


def wake(node: Any) -> None:
    """Give a node its buttons back if it is not at work."""
    if DESK.current is None or DESK.current.node != node:
        _buttons(node, busy=False)


def see_idle() -> None:
    """See that nothing runs: the engine does one thing at a time."""
    if DESK.current is not None:
        raise ReenactError(f"{DESK.current.name} is at work ({DESK.current.title}); wait for it or press Cancel")


def complain(message: str) -> None:
    """Tell the artist; in a terminal, fail.

    Raises:
        ReenactError: there is nobody to tell.
    """
    log.write("error: " + message)
    if not nuke.GUI:
        raise ReenactError(message)
    nuke.message(message)


def _status(node: Any, text: str) -> None:
    log.write(text)
    knobs.knob(node, layout.PREFIX + "status").setValue(text.splitlines()[0] if text else "")
    if not nuke.GUI:
        nuke.tprint(text)


def _buttons(node: Any, busy: bool) -> None:
    """Grey the buttons that start something; a node that was deleted meanwhile has none."""
    try:
        for action in layout.BUTTONS:
            knob = node.knob(layout.PREFIX + "do_" + action)
            if knob is not None:
                knob.setEnabled(not busy)
    except ValueError:
        log.write("the node was deleted while it was at work")
