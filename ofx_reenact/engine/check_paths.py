"""Check the paths of a render before anything is read: no output may replace an input or another output."""

from __future__ import annotations

from pathlib import Path

from ofx_reenact.errors import OutputError, SettingsError
from ofx_reenact.files import lock_of
from ofx_reenact.frames.overwrite import Named, refuse_over_inputs
from ofx_reenact.provenance import sidecar_path
from ofx_reenact.settings import Settings, names_of_paths, paths_in
from ofx_reenact.settings.option import PathRole, flag

MOVIE = ".mp4"


def check_paths(settings: Settings, *more: Named) -> None:
    """Raise if an output would replace an input or another output, or if the options of preview or sound are wrong.

    Performance, identity and parts files count as outputs, because they may be written. ``more`` are outputs
    that no option names, as (name for the message, path).

    Raises:
        SettingsError: naming the options.
    """
    refuse_over_inputs([*list_outputs(settings), *more], list_paths(settings, "read", "weights"))
    if settings.preview and Path(settings.preview).suffix.lower() != MOVIE:
        raise SettingsError(f"--preview {settings.preview}: previews are MP4 files; let the name end in {MOVIE}")
    if settings.sound and not settings.preview:
        raise SettingsError("--sound needs --preview: it is the sound of the preview")


def preview_to_write(settings: Settings) -> Path | None:
    """Return the preview movie to write; None if none is named, or if one exists and ``--existing skip`` is set.

    Raises:
        OutputError: the movie exists, and ``--existing error`` is set.
    """
    if not settings.preview:
        return None
    exists = Path(settings.preview).exists()
    if exists and settings.existing == "error":
        raise OutputError(
            f"{settings.preview}: already exists; choose another --preview, or --existing skip or overwrite"
        )
    return None if exists and settings.existing == "skip" else Path(settings.preview)


def list_outputs(settings: Settings) -> list[Named]:
    """Return every file that a render of these settings may write, with the option that names it."""
    files = list_paths(settings, "written", "read_or_written")
    if settings.performance == settings.target_performance and settings.driver in ("", settings.target):
        # A target that is driven by itself has one performance.
        files = [(what, path) for what, path in files if what != flag("target_performance")]
    if settings.output:
        sidecar = sidecar_path(settings.output)
        files.append(("the sidecar of --output,", sidecar))
        files.append(("the lock of the sidecar,", lock_of(sidecar)))
    return files


def list_paths(settings: Settings, *roles: PathRole) -> list[Named]:
    """Return (option, path) for each file that options of these roles name; options without a value are left out."""
    found: list[Named] = []
    for name in names_of_paths(*roles):
        found += [(flag(name), path) for path in paths_in({name: getattr(settings, name)}, *roles)]
    return found
