"""A publish from the command line: pyblish with the plugins here and the studio's, and one report."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyblish.api
import pyblish.plugin
import pyblish.util

from ofx_reenact.publish import PLUGINS
from ofx_reenact.publish.options import Options

SCHEMA = "ofx-reenact/published/1"


def register() -> None:
    """Let pyblish find the plugins here; those on ``PYBLISHPLUGINPATH`` it finds by itself."""
    if str(PLUGINS) not in pyblish.api.registered_paths():
        pyblish.api.register_plugin_path(str(PLUGINS))


def publish(output: str, options: Options, *, repair: bool = False) -> dict[str, Any]:
    """Publish one sequence, ``O.####.exr``; with ``repair``, do what failed validators know, and begin again.

    Returns:
        The report, JSON-ready: ``good``, ``report`` (of all checks), ``failed`` (plugin → why), ``repaired``,
        ``published`` (the version's folder and files, or None).
    """
    register()
    plugins = pyblish.api.discover()
    context, repaired = _run(plugins, output, options), {}
    if repair and (repaired := _repair(plugins, context)):
        context = _run(plugins, output, options)
    return _report(output, context, repaired)


def _run(plugins: list[Any], output: str, options: Options) -> Any:
    context = pyblish.api.Context()
    context.data["reenact"] = {"outputs": [output], "options": asdict(options)}
    context.data["results"] = []
    with _quiet():
        pyblish.util.publish(context, plugins)
    for instance in context:
        if instance.data.get("published"):
            _clear(instance.data)
    return context


def _clear(data: dict[str, Any]) -> None:
    """Remove what was made for a version and has been copied there; what else lies in that folder stays."""
    staging = Path(data["stagingDir"])
    with contextlib.suppress(OSError):
        for one in data["representations"]:
            for name in one["files"] if Path(one["stagingDir"]) == staging else ():
                (staging / name).unlink()
        staging.rmdir()


def _repair(plugins: list[Any], context: Any) -> dict[str, str]:
    """Do each repair that a failed plugin knows, once; returns its label → what became of it."""
    done: dict[str, str] = {}
    failed = {result["plugin"].id for result in context.data["results"] if result["error"]}
    for plugin in (one for one in plugins if one.id in failed):
        for action in plugin.actions:
            if action.on == "failed" and action.label not in done:
                with _quiet():
                    result = pyblish.plugin.process(plugin, context, None, action.id)
                done[action.label] = str(result["error"]) if result["error"] else "done"
    return done


def _report(output: str, context: Any, repaired: dict[str, str]) -> dict[str, Any]:
    results = context.data["results"]
    instance = next((one for one in context if one.data.get("output") == output), None)
    data: dict[str, Any] = instance.data if instance is not None else {}
    failed = {result["plugin"].__name__: str(result["error"]) for result in results if result["error"]}
    if instance is None and not failed:
        failed["CollectReenactSequences"] = f"{output}: was not collected; a plugin of that name hides it"
    return {
        "schema": SCHEMA, "output": output, "good": not failed, "report": data.get("reenactReport"), "failed": failed,
        "repaired": repaired, "published": data.get("published"),
        "representations": [dict(one) for one in data.get("representations", ())],
    }  # fmt: skip


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyblish from printing each failure and its traceback: the report says them."""
    logs = [logging.getLogger(name) for name in ("pyblish.plugin", "pyblish.logic")]
    disabled = [log.disabled for log in logs]
    try:
        for log in logs:
            log.disabled = True
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for log, before in zip(logs, disabled, strict=True):
            log.disabled = before
