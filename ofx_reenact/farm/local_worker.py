"""Run tasks of one step in an Open Job Description session; after a failure in a new one."""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass
from typing import Any

from ofx_reenact.errors import Exit

# A shell returns 128 + N for a process that signal N killed.
_KILLED = 128
_NUMBER = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """How one try of a task ended.

    Attributes:
        done: the task succeeded.
        lost: its process was killed.
        status: its last ``openjd_status`` message.
        reason: why it failed.
    """

    done: bool
    lost: bool = False
    status: str = ""
    reason: str = ""


_CANCELLED = Outcome(False, reason="cancelled")


class LocalWorker:
    """Runs tasks of one step, one after another, inside the environments of job and step."""

    def __init__(self, job: Any, parameters: Any, step: Any) -> None:
        self._job, self._parameters, self._step = job, parameters, step
        self._action_ended = threading.Event()
        self._cancelled = False
        self._session: Any = None

    def run_task(self, parameters: Any) -> Outcome:
        """Run one task and wait for its end."""
        from openjd.sessions import ActionState

        if self._session is None and (failure := self._open_session()) is not None:
            self.close()
            return failure
        if self._cancelled:
            return _CANCELLED
        status = self._run_action(
            self._session.run_task,
            step_script=self._step.script, task_parameter_values=parameters, step_name=self._step.name,
        )  # fmt: skip
        if status.state == ActionState.SUCCESS:
            return Outcome(True, status=status.status_message or "")
        # A session runs no more tasks after one has failed.
        self.close()
        return _failure(status, self._step.name)

    def cancel(self) -> None:
        """Cancel the running action, which gets time to end by itself, and refuse further tasks."""
        self._cancelled = True
        session = self._session
        if session is not None:
            # cancel_action raises this if no action is running.
            with contextlib.suppress(RuntimeError):
                session.cancel_action()

    def close(self) -> None:
        """Leave the environments, the last one first, and end the session."""
        session = self._session
        if session is None:
            return
        while session.environments_entered:
            self._run_action(session.exit_environment, identifier=session.environments_entered[-1])
        session.cleanup()
        self._session = None

    def _open_session(self) -> Outcome | None:
        """Start a session and enter the environments; return the outcome if that fails or is cancelled, else None."""
        from openjd.model import RevisionExtensions
        from openjd.sessions import ActionState, Session

        self._session = Session(
            session_id=f"worker-{next(_NUMBER)}", job_parameter_values=self._parameters, callback=self._on_status,
            revision_extensions=RevisionExtensions(
                spec_rev=self._job.revision, supported_extensions=self._job.extensions or []
            ),
        )  # fmt: skip
        for environment in (*(self._job.jobEnvironments or ()), *(self._step.stepEnvironments or ())):
            if self._cancelled:
                return _CANCELLED
            status = self._run_action(self._session.enter_environment, environment=environment)
            if status.state != ActionState.SUCCESS:
                return _failure(status, environment.name)
        return None

    def _run_action(self, action: Any, **arguments: Any) -> Any:
        """Start an action and wait for its end; return its status."""
        self._action_ended.clear()
        action(**arguments)
        self._action_ended.wait()
        return self._session.action_status

    def _on_status(self, session_id: str, status: Any) -> None:
        from openjd.sessions import ActionState

        if status.state != ActionState.RUNNING:
            self._action_ended.set()


def _failure(status: Any, name: str) -> Outcome:
    """Return the outcome of a failed action: whether its process was killed, and the reason."""
    code = status.exit_code
    lost = code is not None and (code < 0 or code == Exit.LOST or code > _KILLED)
    ended = "its process was killed" if lost else f"exit code {code}; see run.log"
    return Outcome(False, lost, status.status_message or "", status.fail_message or f"{name}: {ended}")
