"""A job as an Open Job Description bundle: template, parameter values and asset references, made from the settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.farm.queue import Queue, Written, folder_of
from ofx_reenact.files import write_json, written_whole
from ofx_reenact.launch import CODE
from ofx_reenact.settings import Settings, paths_in
from ofx_reenact.settings.cast import read_roles
from ofx_reenact.settings.option import flag, is_path, kind

if TYPE_CHECKING:
    from ofx_reenact.farm.model import FarmJob

EXTENSIONS = ["TASK_CHUNKING"]
TEMPLATE, VALUES, ASSETS = "template.yaml", "parameter_values.yaml", "asset_references.yaml"
FOR_OPENJD = "openjd_parameters.json"
# What the specification allows of parameters, and of one value's length.
_MOST_PARAMETERS, _LONGEST_VALUE = 50, 1024
# Report, ChunkSize and ChunkSeconds.
_OWN_PARAMETERS = 3
# Seconds from the notice to the end: the engine finishes the frame that it is at.
_NOTICE = 60
_GPU_MIB = 4096
_FRAMES = "Frames to render, with steps as 1-20:2."
# A constant: no value of a job is ever part of a script. Arguments reach ofx-reenact as they are.
_LAUNCH = f"""\
#!/bin/sh
if [ -n "$OFX_REENACT_PYTHON" ]; then
  exec "$OFX_REENACT_PYTHON" -c "{CODE}" "$@"
fi
exec ofx-reenact "$@"
"""
_FIND = f"""\
#!/bin/sh
if [ -n "$OFX_REENACT_PYTHON" ]; then
  "$OFX_REENACT_PYTHON" -c "{CODE}" --version && exit 0
  echo "openjd_fail: ofx-reenact is not installed in OFX_REENACT_PYTHON of this machine"
  exit 1
fi
ofx-reenact --version && exit 0
echo "openjd_fail: ofx-reenact is not on this machine: put it on PATH, or its interpreter in OFX_REENACT_PYTHON"
exit 1
"""
_SESSION = "--session={{Session.WorkingDirectory}}/engine.json"


def write_bundle(job: FarmJob, folder: Path) -> Written:
    """Write the bundle, of which the template is the main file.

    Raises:
        SettingsError: a value that a bundle cannot carry.
        OutputError: it cannot be written.
        ReenactError: the farm extra is not installed.
    """
    yaml = yaml_module()
    values = parameter_values(job)
    documents = {
        TEMPLATE: template(job),
        VALUES: {"parameterValues": [{"name": name, "value": value} for name, value in values.items()]},
        ASSETS: asset_references(job),
    }
    folder = folder_of(folder, "bundle")
    for name, content in documents.items():
        with written_whole(folder / name) as partial:
            partial.write_text(yaml.dump(content, Dumper=_dumper(yaml), sort_keys=False, allow_unicode=True, width=120),
                               encoding="utf-8")  # fmt: skip
    write_json(folder / FOR_OPENJD, values)
    hint = f"here: ofx-reenact job run DIR, or: openjd run {TEMPLATE} -p file://{FOR_OPENJD}"
    return Written(folder / TEMPLATE, f"{len(job.frames)} frames in {len(job.chunks)} chunks", hint)


def template(job: FarmJob) -> dict[str, Any]:
    """Return the template: three steps, each after the one before."""
    parameters = [_definition(job, field) for field in _fields(job)]
    parameters += [
        {"name": "Report", "type": "PATH", "objectType": "FILE", "dataFlow": "OUT",
         "description": "What the verification found (JSON).",
         "userInterface": {"control": "CHOOSE_OUTPUT_FILE", "groupLabel": "Farm"}},
        {"name": "ChunkSize", "type": "INT", "minValue": 1, "default": job.chunk_size,
         "description": "Frames a chunk.", "userInterface": {"control": "SPIN_BOX", "groupLabel": "Farm"}},
        {"name": "ChunkSeconds", "type": "INT", "minValue": 0, "default": job.chunk_seconds,
         "description": "What a chunk should take; 0 leaves the number of frames.",
         "userInterface": {"control": "SPIN_BOX", "groupLabel": "Farm"}},
    ]  # fmt: skip
    tracked = [name for name in ("performance", "target_performance") if getattr(job.settings, name)]
    checked = ["--chunk={{Param.Frames}}", *_said(tracked), "--json={{Param.Report}}"]
    verify = ["job", "verify", *checked, "--progress=openjd", "--", "{{Param.Output}}"]
    install = {
        "name": "Install", "description": "Finds the studio's ofx-reenact.",
        "variables": {"OFX_REENACT_JOB": job.name}, "script": _script("onEnter", [], _FIND),
    }  # fmt: skip
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": EXTENSIONS,
        "name": job.name,
        "description": f"Portrait reenactment, by ofx-reenact {__version__}.",
        "parameterDefinitions": parameters,
        "jobEnvironments": [install],
        "steps": [
            _step(job, "Analyse", ["analyse", *_arguments(job, "frames"), "--progress=openjd"]),
            _render(job),
            _step(job, "Verify", verify, after="Render", gpu=False),
        ],
    }


def parameter_values(job: FarmJob) -> dict[str, Any]:
    """Return the value of each parameter.

    Raises:
        SettingsError: one is too long for a bundle.
    """
    values: dict[str, Any] = {}
    for field in _fields(job):
        value: Any = job.frames.to_openjd() if field.name == "frames" else getattr(job.settings, field.name)
        if kind(field) == "paths" and any("," in part for part in value):
            raise SettingsError(f"{flag(field.name)} {','.join(value)}: no comma may be in a path of several")
        if kind(field) in ("paths", "choices"):
            value = ",".join(value)
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            raise SettingsError(f"{flag(field.name)}: {len(value)} characters, a bundle takes {_LONGEST_VALUE}")
        values[parameter_of(field.name)] = value
    return {**values, "Report": str(job.report), "ChunkSize": job.chunk_size, "ChunkSeconds": job.chunk_seconds}


def asset_references(job: FarmJob) -> dict[str, Any]:
    """Return the files that go in and the folders that come out, for farms that carry them."""
    from ofx_reenact.frames.names import files_of

    said = [role.settings.as_dict() for role in read_roles(job.settings)] + [job.settings.as_dict()]
    names = [name for one in said for name in paths_in(one, "read", "kept", "weights")]
    inputs = {"filenames": sorted({str(path) for name in names for path in files_of(name)}), "directories": []}
    outputs = sorted({str(Path(name).parent) for one in said for name in paths_in(one, "written", "kept")})
    return {"assetReferences": {"inputs": inputs, "outputs": {"directories": outputs}, "referencedPaths": []}}


def yaml_module() -> Any:
    """Return PyYAML, which the farm extra brings.

    Raises:
        ReenactError: it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise ReenactError("a bundle needs the farm extra: pip install 'ofx-reenact[farm]'") from error
    return yaml


def _fields(job: FarmJob) -> list[dataclasses.Field[Any]]:
    """Settings that are parameters: every choice and number, and the texts that are given.

    If these are more than a bundle takes, the last ones that are left at their defaults are none.
    """
    given = {name for name, value in vars(job.settings).items() if name != "preview" and value not in (None, "", ())}
    fields = [field for field in dataclasses.fields(Settings) if field.name in given]
    usual = [field for field in fields if getattr(job.settings, field.name) == field.default]
    over = max(len(fields) + _OWN_PARAMETERS - _MOST_PARAMETERS, 0)
    return [field for field in fields if field not in usual[len(usual) - over :]]


def parameter_of(name: str) -> str:
    """Return the name of an option's parameter."""
    return "".join(part.capitalize() for part in name.split("_"))


def _definition(job: FarmJob, field: dataclasses.Field[Any]) -> dict[str, Any]:
    """Declare one parameter; what a wrong hand writes into it is refused before anything runs."""
    from ofx_reenact.frames.names import has_padding

    about, of, default = field.metadata, kind(field), cast("Any", field.default)
    said = _FRAMES if field.name == "frames" else about["help"]
    defined: dict[str, Any] = {"name": parameter_of(field.name), "type": "STRING", "description": said}
    defined["userInterface"] = {"control": "LINE_EDIT", "groupLabel": about["group"]}
    value = getattr(job.settings, field.name)
    if of == "text" and is_path(field, value):
        flow = "OUT" if about["path"] in ("written", "kept") and not Path(value).exists() else "IN"
        # The frames of a sequence are among the asset references; its pattern is no file.
        if has_padding(value) and flow == "IN":
            flow = "NONE"
        defined |= {"type": "PATH", "objectType": "FILE", "dataFlow": flow}
        defined["userInterface"]["control"] = "CHOOSE_OUTPUT_FILE" if flow == "OUT" else "CHOOSE_INPUT_FILE"
    elif of == "choice":
        defined |= {"allowedValues": list(about["choices"]), "default": default}
        defined["userInterface"]["control"] = "DROPDOWN_LIST"
    elif of in ("int", "float"):
        defined["type"] = "INT" if of == "int" else "FLOAT"
        bounds = {"minValue": about["low"], "maxValue": about["high"]}
        defined |= {name: bound for name, bound in bounds.items() if bound is not None}
        defined |= {"default": default} if default is not None else {}
        defined |= {"allowedValues": list(about["choices"])} if about["choices"] else {}
        defined["userInterface"]["control"] = "DROPDOWN_LIST" if about["choices"] else "SPIN_BOX"
    elif of == "choices":
        defined["default"] = ",".join(default)
    elif of == "text" and default:
        defined["default"] = default
    return defined


def _arguments(job: FarmJob, *without: str) -> list[str]:
    """The options of a task, each one argument whatever its parameter holds."""
    return _said(field.name for field in _fields(job) if field.name not in without)


def _said(names: Iterable[str]) -> list[str]:
    """Options whose values are their parameters'."""
    return [f"{flag(name)}={{{{Param.{parameter_of(name)}}}}}" for name in names]


def _script(action: str, arguments: list[str], text: str = _LAUNCH, **more: Any) -> dict[str, Any]:
    """A script that hands its arguments on, as one action of a task or an environment."""
    scope = "Env" if action != "onRun" else "Task"
    run = {"command": f"{{{{{scope}.File.Launch}}}}", **({"args": arguments} if arguments else {}), **more}
    return {
        "actions": {action: run},
        "embeddedFiles": [{"name": "Launch", "type": "TEXT", "filename": "launch.sh", "runnable": True, "data": text}],
    }


def _step(job: FarmJob, name: str, arguments: list[str], after: str = "", gpu: bool = True) -> dict[str, Any]:
    cancel = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE}
    step: dict[str, Any] = {"name": name}
    if after:
        step["dependencies"] = [{"dependsOn": after}]
    step["script"] = _script("onRun", arguments, cancelation=cancel)
    if gpu and job.settings.device == "cuda":
        amounts = {"amount.worker.gpu": 1, "amount.worker.gpu.memory": _GPU_MIB}
        step["hostRequirements"] = {"amounts": [{"name": key, "min": least} for key, least in amounts.items()]}
    return step


def _render(job: FarmJob) -> dict[str, Any]:
    """The step of the chunks, with an engine that stays warm between those of one worker."""
    run = ["engine", "run", _SESSION, "--chunk={{Task.Param.Frame}}", "--progress=openjd"]
    engine = _script("onEnter", ["engine", "start", _SESSION, "--with-parent"])
    engine["actions"]["onExit"] = {"command": "{{Env.File.Launch}}", "args": ["engine", "stop", _SESSION]}
    chunks = {"defaultTaskCount": "{{Param.ChunkSize}}", "targetRuntimeSeconds": "{{Param.ChunkSeconds}}"}
    chunks["rangeConstraint"] = "NONCONTIGUOUS"
    frame = {"name": "Frame", "type": "CHUNK[INT]", "range": "{{Param.Frames}}", "chunks": chunks}
    step = _step(job, "Render", [*run, *_arguments(job, "frames")], after="Analyse")
    step["stepEnvironments"] = [{"name": "Engine", "description": "Keeps everything loaded.", "script": engine}]
    step["parameterSpace"] = {"taskParameterDefinitions": [frame]}
    return step


def _dumper(yaml: Any) -> Any:
    """YAML as people write it: scripts as blocks."""

    class Dumper(yaml.SafeDumper):
        """Writes text of several lines as a block, and repeats what is the same."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "|" if value.endswith("\n") and value.startswith("#!") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


_HELP = "Write an Open Job Description bundle, for AWS Deadline Cloud and job run."
BUNDLE = Queue("bundle", _HELP, write_bundle, sizes_chunks=True, files=(TEMPLATE, VALUES, ASSETS, FOR_OPENJD))
