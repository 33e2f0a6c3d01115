"""The files that a render names: none that it writes is one that it reads."""

from __future__ import annotations

from pathlib import Path

from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.files import lock_of
from ofx_reenact.frames.overwrite import Named, refuse_over_inputs
from ofx_reenact.provenance import sidecar_path
from ofx_reenact.settings import Settings, names_of_paths, paths_in
from ofx_reenact.settings.option import Role, flag

MOVIE = ".mp4"


def check_paths(settings: Settings, *more: Named) -> None:
    """Refuse settings whose outputs would replace an input or each other, before anything is read.

    Files that are kept, of a performance or an identity, count as outputs: they may be made anew. ``more`` are outputs
    that no option names.

    Raises:
        SettingsError: naming both options.
    """
    refuse_over_inputs([*outputs_of(settings), *more], named(settings, "read", "weights"))
    if settings.preview and Path(settings.preview).suffix.lower() != MOVIE:
        raise SettingsError(f"--preview {settings.preview}: a movie is written as {MOVIE}, so end the name in it")
    if settings.sound and not settings.preview:
        raise SettingsError("--sound: is of a preview; name a --preview, too")


def movie_of(settings: Settings) -> Path | None:
    """Return the movie that is to be written beside the frames: none if none is named, or one that is there is kept.

    Raises:
        OutputError: it is there, and ``existing`` says that this is an error.
    """
    if not settings.preview:
        return None
    there = Path(settings.preview).exists()
    if there and settings.existing == "error":
        raise OutputError(
            f"{settings.preview}: is there already; choose another --preview, or --existing skip or overwrite"
        )
    return None if there and settings.existing == "skip" else Path(settings.preview)


def outputs_of(settings: Settings) -> list[Named]:
    """Return all that a render of these settings may write, by option."""
    files = named(settings, "written", "kept")
    if settings.performance == settings.target_performance and settings.driver in ("", settings.target):
        # A target that is driven by itself has one performance.
        files = [(what, path) for what, path in files if what != flag("target_performance")]
    if settings.output:
        sidecar = sidecar_path(settings.output)
        files.append(("the sidecar of --output,", sidecar))
        files.append(("the lock of the sidecar,", lock_of(sidecar)))
    return files


def named(settings: Settings, *roles: Role) -> list[Named]:
    """Return the files that options of these roles name; empty ones are left out."""
    found: list[Named] = []
    for name in names_of_paths(*roles):
        found += [(flag(name), path) for path in paths_in({name: getattr(settings, name)}, *roles)]
    return found
