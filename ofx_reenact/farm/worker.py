"""One worker of a local run: a session of Open Job Description, made anew when it broke."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass
from typing import Any

from ofx_reenact.errors import Exit
from ofx_reenact.farm.bundle import EXTENSIONS

# Exit codes above this are of processes that a signal ended.
_KILLED = 128
_NUMBER = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """How a try of a task ended: ``lost`` if a process was killed; its last status, and the reason of a failure."""

    done: bool
    lost: bool = False
    said: str = ""
    reason: str = ""


_CANCELLED = Outcome(False, reason="cancelled")


class Worker:
    """Does tasks of one step, one after another, with the step's environments entered in between."""

    def __init__(self, job: Any, parameters: Any, step: Any) -> None:
        self._job, self._parameters, self._step = job, parameters, step
        self._ended = threading.Event()
        self._cancelled = False
        self._session: Any = None
        self._entered: list[str] = []
        self._status: Any = None

    def do(self, parameters: Any) -> Outcome:
        """Do one task."""
        from openjd.sessions import ActionState

        if self._session is None and (broken := self._open()) is not None:
            self.close()
            return broken
        if self._cancelled:
            return _CANCELLED
        status = self._act(
            self._session.run_task,
            step_script=self._step.script, task_parameter_values=parameters, step_name=self._step.name,
        )  # fmt: skip
        if status.state == ActionState.SUCCESS:
            return Outcome(True, said=status.status_message or "")
        # A session that saw a failure takes no more tasks.
        self.close()
        return _failure(status, self._step.name)

    def cancel(self) -> None:
        """Give what runs notice to end."""
        self._cancelled = True
        session = self._session
        if session is not None:
            with contextlib.suppress(RuntimeError):
                session.cancel_action()

    def close(self) -> None:
        """Leave the environments and end the session."""
        session = self._session
        if session is None:
            return
        while self._entered:
            self._act(session.exit_environment, identifier=self._entered.pop())
        session.cleanup()
        self._session = None

    def _open(self) -> Outcome | None:
        """Begin a session and enter the environments; returns what went wrong."""
        from openjd.model import RevisionExtensions, SpecificationRevision
        from openjd.sessions import ActionState, Session

        revision = RevisionExtensions(spec_rev=SpecificationRevision.v2023_09, supported_extensions=EXTENSIONS)
        self._session = Session(
            session_id=f"worker-{next(_NUMBER)}", job_parameter_values=self._parameters, callback=self._hear,
            revision_extensions=revision,
        )  # fmt: skip
        for environment in (*(self._job.jobEnvironments or ()), *(self._step.stepEnvironments or ())):
            if self._cancelled:
                return _CANCELLED
            self._entered.append(environment.name)
            status = self._act(self._session.enter_environment, environment=environment, identifier=environment.name)
            if status.state != ActionState.SUCCESS:
                return _failure(status, environment.name)
        return None

    def _act(self, action: Any, **arguments: Any) -> Any:
        """Begin an action and wait for its end; returns its last status."""
        self._ended.clear()
        self._status = None
        action(**arguments)
        self._ended.wait()
        return self._status

    def _hear(self, session_id: str, status: Any) -> None:
        from openjd.sessions import ActionState

        if status.state != ActionState.RUNNING:
            self._status = status
            self._ended.set()


def _failure(status: Any, name: str) -> Outcome:
    """Tell a task that failed from one whose process was killed."""
    code = status.exit_code
    lost = code is not None and (code < 0 or code == Exit.LOST or code > _KILLED)
    ended = "its process was killed" if lost else f"exit code {code}; run.log says more"
    return Outcome(False, lost, status.status_message or "", status.fail_message or f"{name}: {ended}")
