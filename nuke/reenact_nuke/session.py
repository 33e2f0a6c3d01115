"""The engine of this Nuke session: started when it is first needed, again when it has died."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Optional

from reenact_nuke import paths
from reenact_nuke.errors import EngineError
from reenact_nuke.link import HELLO, SILENCE, Engine


class Session:
    """The engine of this Nuke session."""

    def __init__(self) -> None:
        self.engine: Optional[Engine] = None
        self._key = ("", "")
        self._starting = threading.Lock()

    def get(self, ocio: str = "") -> Engine:
        """The engine, started if there is none, it has died, or another Python or colour config is wanted.

        Raises:
            EngineError: it cannot be started.
        """
        with self._starting:
            key = (paths.find_python(), ocio)
            if self.engine is None or not self.engine.alive or self._key != key:
                self.stop()
                self.engine = Engine(key[0], ocio, seconds("OFX_REENACT_HELLO_SECONDS", HELLO))
                self._key = key
            return self.engine

    def stop(self) -> None:
        """End the engine, if there is one."""
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.stop()


def silence() -> float:
    """Seconds without a word after which a job is given up; ``OFX_REENACT_SILENCE_SECONDS``."""
    return seconds("OFX_REENACT_SILENCE_SECONDS", SILENCE)


def seconds(variable: str, default: float) -> float:
    """Seconds that an environment variable names.

    Raises:
        EngineError: it holds no number.
    """
    try:
        return float(os.environ.get(variable, default))
    except ValueError as error:
        raise EngineError(f"{variable} is '{os.environ[variable]}': give a number of seconds") from error


SESSION = Session()
atexit.register(SESSION.stop)
