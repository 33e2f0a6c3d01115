"""Find the trackers that installed packages register, by name.

A package registers one in its ``pyproject.toml``, as this package does::

    [project.entry-points."ofx_reenact.trackers"]
    acme = "acme_tracker.track:Acme"
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from ofx_reenact.errors import SettingsError, TrackingError
from ofx_reenact.tracking.chosen import LARGEST, Chosen
from ofx_reenact.tracking.tracker import Options, Tracker

GROUP = "ofx_reenact.trackers"
# The default tracker.
DEFAULT = "mesh"


class Registered(NamedTuple):
    """A tracker as a package registers it, not yet imported."""

    name: str  # as in ``--tracker``
    package: str  # the package that registers it, with its version
    entry: EntryPoint

    def load(self) -> type[Tracker]:
        """Import the class.

        Raises:
            TrackingError: the import fails, or the class is not a tracker of this name.
        """
        named = f"tracker {self.name} of {self.package}"
        try:
            kind = self.entry.load()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise TrackingError(f"{named} cannot be imported ({reason}); repair or uninstall that package") from error
        if not (isinstance(kind, type) and issubclass(kind, Tracker) and kind.name == self.name):
            wanted = f"subclass of ofx_reenact.tracking.tracker.Tracker whose name is '{self.name}'"
            raise TrackingError(f"{named}: {self.entry.value} is not a {wanted}; repair or uninstall that package")
        return kind


def registered() -> list[Registered]:
    """Return every registered tracker, by name.

    Raises:
        SettingsError: this package's own trackers are not registered.
    """
    found = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    if not any(entry.name == DEFAULT for entry in found):
        raise SettingsError(
            f"the trackers of ofx-reenact are not registered under {GROUP}: it runs from a folder where it is not "
            "installed, or an older version is; install ofx-reenact again (pip install)"
        )
    packages = (f"{e.dist.name} {e.dist.version}" if e.dist else "a package without a name" for e in found)
    return [Registered(entry.name, package, entry) for entry, package in zip(found, packages, strict=True)]


def names() -> list[str]:
    """Return the names that ``--tracker`` accepts."""
    return sorted({tracker.name for tracker in registered()})


def find(name: str) -> Registered:
    """Return the tracker with a name.

    Raises:
        SettingsError: no package registers it, or several do.
    """
    found = [tracker for tracker in registered() if tracker.name == name]
    if not found:
        raise SettingsError(f"--tracker {name}: choose from {', '.join(names())}")
    if len(found) > 1:
        packages = " and ".join(tracker.package for tracker in found)
        raise SettingsError(f"--tracker {name} is registered by {packages}; uninstall all but one")
    return found[0]


def make_tracker(
    name: str, *, face: Chosen = LARGEST, landmarks: str = "", device: str = "cpu", aspect: float = 1.0
) -> Tracker:
    """Make a tracker by name with the given :class:`Options`.

    Raises:
        SettingsError: there is no such tracker, or a required option is missing.
        TrackingError: it cannot be imported, or lacks a package or model files.
    """
    kind = find(name).load()
    if missing := kind.missing():
        raise TrackingError(f"--tracker {name}: {missing}")
    return kind(Options(face, landmarks, device, aspect))


def terms_of(name: str) -> str:
    """Return the terms of use of a tracker's weights; "" if there are none.

    For a tracker that is not installed here (the performance may be from another machine), say that they are unknown.
    """
    try:
        return find(name).load().terms
    except (SettingsError, TrackingError) as error:
        return f"the terms of tracker {name} are not known here: {error}"
