"""The one engine of this Nuke session: started when it is first needed, and again after it has died."""

from __future__ import annotations

import atexit
import os
import threading
from typing import Optional

from reenact_nuke import engine_python
from reenact_nuke.engine_process import HELLO_SECONDS, SILENCE_SECONDS, Engine
from reenact_nuke.errors import EngineError


class Session:
    """Holds the engine of this Nuke session."""

    def __init__(self) -> None:
        self.engine: Optional[Engine] = None
        self._key = ("", "")
        self._starting = threading.Lock()

    def get(self, ocio: str = "") -> Engine:
        """Give the engine; start one if none runs, or if the running one has another Python or OCIO config.

        Raises:
            EngineError: it cannot be started.
        """
        with self._starting:
            key = (engine_python.find_python(), ocio)
            if self.engine is None or not self.engine.alive or self._key != key:
                self.stop()
                self.engine = Engine(key[0], ocio, read_seconds("OFX_REENACT_HELLO_SECONDS", HELLO_SECONDS))
                self._key = key
            return self.engine

    def stop(self) -> None:
        """End the engine, if one runs."""
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.stop()


def silence_seconds() -> float:
    """Give the seconds without any event after which the engine is ended; ``OFX_REENACT_SILENCE_SECONDS``."""
    return read_seconds("OFX_REENACT_SILENCE_SECONDS", SILENCE_SECONDS)


def read_seconds(variable: str, default: float) -> float:
    """Read a number of seconds from an environment variable.

    Raises:
        EngineError: it is not a number.
    """
    try:
        return float(os.environ.get(variable, default))
    except ValueError as error:
        raise EngineError(f"{variable} is '{os.environ[variable]}': set it to a number of seconds") from error


SESSION = Session()
atexit.register(SESSION.stop)
