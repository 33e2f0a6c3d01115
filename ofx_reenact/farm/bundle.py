"""Write a job as an Open Job Description bundle: template, parameter values and asset references."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.farm.queue import Queue, WrittenJob, make_folder
from ofx_reenact.files import write_json, write_whole
from ofx_reenact.launch import CODE
from ofx_reenact.settings import Settings, paths_in
from ofx_reenact.settings.cast import read_roles
from ofx_reenact.settings.option import flag, is_path, kind

if TYPE_CHECKING:
    from ofx_reenact.farm.farm_job import FarmJob

EXTENSIONS = ["TASK_CHUNKING"]
TEMPLATE, VALUES, ASSETS = "template.yaml", "parameter_values.yaml", "asset_references.yaml"
FOR_OPENJD = "openjd_parameters.json"
# The specification's limits: parameters of a template, characters of a value.
_MOST_PARAMETERS, _LONGEST_VALUE = 50, 1024
# Number of parameters that are not options of a render: Report, ChunkSize and ChunkSeconds.
_OWN_PARAMETERS = 3
# Seconds between cancelling and killing a task: time for the engine to finish its frame.
_NOTICE = 60
_GPU_MIB = 4096
_FRAMES = "Frames to render, with steps as 1-20:2."
# The same scripts for every job: no value of a job is written into them. Their arguments go to ofx-reenact unchanged.
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


def write_bundle(job: FarmJob, folder: Path) -> WrittenJob:
    """Write the bundle into a folder; its main file is the template.

    Raises:
        SettingsError: a value is too long, or a path in a list has a comma.
        OutputError: a file cannot be written.
        ReenactError: the farm extra is not installed.
    """
    yaml = import_yaml()
    values = make_parameter_values(job)
    documents = {
        TEMPLATE: make_template(job),
        VALUES: {"parameterValues": [{"name": name, "value": value} for name, value in values.items()]},
        ASSETS: make_asset_references(job),
    }
    folder = make_folder(folder, "bundle")
    for name, content in documents.items():
        with write_whole(folder / name) as partial:
            partial.write_text(yaml.dump(content, Dumper=_dumper(yaml), sort_keys=False, allow_unicode=True, width=120),
                               encoding="utf-8")  # fmt: skip
    write_json(folder / FOR_OPENJD, values)
    hint = f"to run it on this machine: ofx-reenact job run DIR, or: openjd run {TEMPLATE} -p file://{FOR_OPENJD}"
    return WrittenJob(folder / TEMPLATE, f"{len(job.frames)} frames in {len(job.chunks)} chunks", hint)


def make_template(job: FarmJob) -> dict[str, Any]:
    """Return the template: three steps, each of which waits for the one before."""
    parameters = [_definition(job, field) for field in _fields(job)]
    parameters += [
        {"name": "Report", "type": "PATH", "objectType": "FILE", "dataFlow": "OUT",
         "description": "Report of the verification (JSON).",
         "userInterface": {"control": "CHOOSE_OUTPUT_FILE", "groupLabel": "Farm"}},
        {"name": "ChunkSize", "type": "INT", "minValue": 1, "default": job.chunk_size,
         "description": "Frames per chunk.", "userInterface": {"control": "SPIN_BOX", "groupLabel": "Farm"}},
        {"name": "ChunkSeconds", "type": "INT", "minValue": 0, "default": job.chunk_seconds,
         "description": "Seconds a chunk should take; 0: always ChunkSize frames.",
         "userInterface": {"control": "SPIN_BOX", "groupLabel": "Farm"}},
    ]  # fmt: skip
    tracked = [name for name in ("performance", "target_performance") if getattr(job.settings, name)]
    options = ["--chunk={{Param.Frames}}", *_options(tracked), "--json={{Param.Report}}"]
    verify = ["job", "verify", *options, "--progress=openjd", "--", "{{Param.Output}}"]
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
            _render_step(job),
            _step(job, "Verify", verify, after="Render", gpu=False),
        ],
    }


def make_parameter_values(job: FarmJob) -> dict[str, Any]:
    """Return parameter name → value.

    Raises:
        SettingsError: a value is too long for a bundle, or a path in a list has a comma.
    """
    values: dict[str, Any] = {}
    for field in _fields(job):
        value: Any = job.frames.to_openjd() if field.name == "frames" else getattr(job.settings, field.name)
        if kind(field) == "paths" and any("," in part for part in value):
            raise SettingsError(
                f"{flag(field.name)} {','.join(value)}: a bundle cannot take a path with a comma; rename the file"
            )
        if kind(field) in ("paths", "choices"):
            value = ",".join(value)
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            raise SettingsError(
                f"{flag(field.name)}: {len(value)} characters; a bundle takes at most {_LONGEST_VALUE}: shorten it"
            )
        values[parameter_of(field.name)] = value
    return {**values, "Report": str(job.report), "ChunkSize": job.chunk_size, "ChunkSeconds": job.chunk_seconds}


def make_asset_references(job: FarmJob) -> dict[str, Any]:
    """Return input files and output folders, for farms that copy them to and from the workers."""
    from ofx_reenact.frames.names import files_of

    settings = [role.settings.as_dict() for role in read_roles(job.settings)] + [job.settings.as_dict()]
    names = [name for one in settings for name in paths_in(one, "read", "read_or_written", "weights")]
    inputs = {"filenames": sorted({str(path) for name in names for path in files_of(name)}), "directories": []}
    written = [name for one in settings for name in paths_in(one, "written", "read_or_written")]
    outputs = sorted({str(Path(name).parent) for name in written})
    return {"assetReferences": {"inputs": inputs, "outputs": {"directories": outputs}, "referencedPaths": []}}


def import_yaml() -> Any:
    """Import PyYAML, which the farm extra installs.

    Raises:
        ReenactError: it is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise ReenactError("a bundle needs the farm extra: pip install 'ofx-reenact[farm]'") from error
    return yaml


def _fields(job: FarmJob) -> list[dataclasses.Field[Any]]:
    """Return the options that become parameters: all choices and numbers, and the texts that are given.

    If a bundle cannot take so many, the last ones that have their default value are left out.
    """
    given = {name for name, value in vars(job.settings).items() if name != "preview" and value not in (None, "", ())}
    fields = [field for field in dataclasses.fields(Settings) if field.name in given]
    defaults = [field for field in fields if getattr(job.settings, field.name) == field.default]
    surplus = max(len(fields) + _OWN_PARAMETERS - _MOST_PARAMETERS, 0)
    return [field for field in fields if field not in defaults[len(defaults) - surplus :]]


def parameter_of(name: str) -> str:
    """Return the parameter of an option: ``weight_mouth`` → ``WeightMouth``."""
    return "".join(part.capitalize() for part in name.split("_"))


def _definition(job: FarmJob, field: dataclasses.Field[Any]) -> dict[str, Any]:
    """Declare one parameter with its type and range: a wrong value is refused before anything runs."""
    from ofx_reenact.frames.names import has_placeholder

    option, value_kind, default = field.metadata, kind(field), cast("Any", field.default)
    defined: dict[str, Any] = {"name": parameter_of(field.name), "type": "STRING"}
    defined["description"] = _FRAMES if field.name == "frames" else option["help"]
    defined["userInterface"] = {"control": "LINE_EDIT", "groupLabel": option["group"]}
    value = getattr(job.settings, field.name)
    if value_kind == "text" and is_path(field, value):
        flow = "OUT" if option["path"] in ("written", "read_or_written") and not Path(value).exists() else "IN"
        # NONE: a sequence's pattern is not a file that a farm could copy. Its frames are among the asset references.
        if has_placeholder(value) and flow == "IN":
            flow = "NONE"
        defined |= {"type": "PATH", "objectType": "FILE", "dataFlow": flow}
        defined["userInterface"]["control"] = "CHOOSE_OUTPUT_FILE" if flow == "OUT" else "CHOOSE_INPUT_FILE"
    elif value_kind == "choice":
        defined |= {"allowedValues": list(option["choices"]), "default": default}
        defined["userInterface"]["control"] = "DROPDOWN_LIST"
    elif value_kind in ("int", "float"):
        defined["type"] = "INT" if value_kind == "int" else "FLOAT"
        bounds = {"minValue": option["low"], "maxValue": option["high"]}
        defined |= {name: bound for name, bound in bounds.items() if bound is not None}
        defined |= {"default": default} if default is not None else {}
        defined |= {"allowedValues": list(option["choices"])} if option["choices"] else {}
        defined["userInterface"]["control"] = "DROPDOWN_LIST" if option["choices"] else "SPIN_BOX"
    elif value_kind == "choices":
        defined["default"] = ",".join(default)
    elif value_kind == "text" and default:
        defined["default"] = default
    return defined


def _arguments(job: FarmJob, *without: str) -> list[str]:
    """Return the options of a task, except those in ``without``; each stays one argument, whatever its value is."""
    return _options(field.name for field in _fields(job) if field.name not in without)


def _options(names: Iterable[str]) -> list[str]:
    """Return options that take their values from parameters, as ``--output={{Param.Output}}``."""
    return [f"{flag(name)}={{{{Param.{parameter_of(name)}}}}}" for name in names]


def _script(action: str, arguments: list[str], text: str = _LAUNCH, **more: Any) -> dict[str, Any]:
    """Return a script that runs ``text`` as one action of a task (``onRun``) or an environment."""
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


def _render_step(job: FarmJob) -> dict[str, Any]:
    """Return the step that renders the chunks; all chunks of a session use the same engine."""
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
    """Return a YAML dumper that writes scripts as blocks, so that people can read them."""

    class Dumper(yaml.SafeDumper):
        """Writes no aliases."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: Any, value: str) -> Any:
        style = "|" if value.endswith("\n") and value.startswith("#!") else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return Dumper


_HELP = "Write an Open Job Description bundle, for AWS Deadline Cloud and job run."
BUNDLE = Queue("bundle", _HELP, write_bundle, sizes_chunks=True, files=(TEMPLATE, VALUES, ASSETS, FOR_OPENJD))
