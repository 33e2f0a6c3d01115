"""Run pyblish with the plugins of this package and the studio's, and return one report."""

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
    """Register the plugins of this package; pyblish itself finds those on ``PYBLISHPLUGINPATH``."""
    if str(PLUGINS) not in pyblish.api.registered_paths():
        pyblish.api.register_plugin_path(str(PLUGINS))


def publish(output: str, options: Options, *, run_actions: bool = False) -> dict[str, Any]:
    """Publish one sequence, ``O.####.exr``.

    With ``run_actions``, the actions of failed validators run, and then pyblish runs a second time.

    Returns:
        The report, JSON-ready: ``good``, ``report`` (of all checks), ``failed`` (plugin → reason), ``repaired``
        (action → result), ``published`` (the version's folder and files, or None).
    """
    register()
    plugins = pyblish.api.discover()
    context, results = _run_pyblish(plugins, output, options), {}
    if run_actions and (results := _run_actions(plugins, context)):
        context = _run_pyblish(plugins, output, options)
    return _report(output, context, results)


def _run_pyblish(plugins: list[Any], output: str, options: Options) -> Any:
    context = pyblish.api.Context()
    context.data["reenact"] = {"outputs": [output], "options": asdict(options)}
    context.data["results"] = []
    with _quiet():
        pyblish.util.publish(context, plugins)
    for instance in context:
        if instance.data.get("published"):
            _remove_staged_files(instance.data)
    return context


def _remove_staged_files(data: dict[str, Any]) -> None:
    """Remove contact sheet and preview, which have been copied to the version; other files in the folder stay."""
    staging = Path(data["stagingDir"])
    with contextlib.suppress(OSError):
        for one in data["representations"]:
            for name in one["files"] if Path(one["stagingDir"]) == staging else ():
                (staging / name).unlink()
        staging.rmdir()


def _run_actions(plugins: list[Any], context: Any) -> dict[str, str]:
    """Run each action of the failed plugins once; return label → ``done`` or the error."""
    done: dict[str, str] = {}
    failed = {result["plugin"].id for result in context.data["results"] if result["error"]}
    for plugin in (one for one in plugins if one.id in failed):
        for action in plugin.actions:
            if action.on == "failed" and action.label not in done:
                with _quiet():
                    result = pyblish.plugin.process(plugin, context, None, action.id)
                done[action.label] = str(result["error"]) if result["error"] else "done"
    return done


def _report(output: str, context: Any, action_results: dict[str, str]) -> dict[str, Any]:
    results = context.data["results"]
    instance = next((one for one in context if one.data.get("output") == output), None)
    data: dict[str, Any] = instance.data if instance is not None else {}
    failed = {result["plugin"].__name__: str(result["error"]) for result in results if result["error"]}
    if instance is None and not failed:
        failed["CollectReenactSequences"] = (
            f"{output}: was not collected, because another plugin of this name replaces ours; rename or remove that one"
        )
    return {
        "schema": SCHEMA, "output": output, "good": not failed, "report": data.get("reenactReport"), "failed": failed,
        "repaired": action_results, "published": data.get("published"),
        "representations": [dict(one) for one in data.get("representations", ())],
    }  # fmt: skip


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyblish from printing each failure with its traceback: the report has them."""
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
