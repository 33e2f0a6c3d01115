"""Read an Open Job Description bundle: check template and parameter values, and make a job from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ofx_reenact.errors import ReenactError, SettingsError
from ofx_reenact.farm.bundle import EXTENSIONS, TEMPLATE, VALUES, import_yaml

_MOST_FRAMES = 1_000_000
# Largest size of a file in bytes. A list of a million frame numbers is about as large.
_LARGEST = 16 << 20


def read_bundle(folder: Path) -> tuple[Any, Any]:
    """Read template and values of a bundle; return Open Job Description's job and its parameter values.

    Raises:
        SettingsError: a file cannot be read, is not valid, or is too large.
        ReenactError: the farm extra is not installed.
    """
    yaml = import_yaml()
    try:
        from openjd.model import DecodeValidationError, create_job, decode_job_template, preprocess_job_parameters
    except ImportError as error:
        raise ReenactError("job run needs the farm extra: pip install 'ofx-reenact[farm]'") from error
    document, values = _load_yaml(yaml, folder / TEMPLATE), _load_yaml(yaml, folder / VALUES)
    texts = _parameter_values(values, folder / VALUES)
    try:
        if not isinstance(document, dict):
            raise ValueError("not an object")
        template = decode_job_template(template=document, supported_extensions=EXTENSIONS)
    except (DecodeValidationError, ValueError) as error:
        raise SettingsError(f"{folder / TEMPLATE}: not a valid template: {_one_line(error)}") from error
    try:
        parameters = preprocess_job_parameters(
            job_template=template,
            job_parameter_values=texts,
            job_template_dir=folder.absolute(),
            current_working_dir=Path.cwd(),
        )
        job = create_job(job_template=template, job_parameter_values=parameters)
        for step in job.steps:
            for name, defined in (step.parameterSpace.taskParameterDefinitions if step.parameterSpace else {}).items():
                if len(defined.range) > _MOST_FRAMES:
                    raise ValueError(f"{step.name}: {len(defined.range)} values of {name}, {_MOST_FRAMES} at most")
        return job, parameters
    except (DecodeValidationError, ValueError) as error:
        raise SettingsError(f"{folder / VALUES}: {_one_line(error)}") from error


def _load_yaml(yaml: Any, path: Path) -> Any:
    """Read a YAML file; references (``*name``) are not allowed.

    Raises:
        SettingsError: it cannot be read, is too large, or has references.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST >> 20} MiB")
        # A few lines of nested references (aliases) can expand to more than fits into memory. No bundle needs one.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise ValueError("references (*name) are not allowed")
        # Not openjd.model.document_string_to_object: its error does not name the line of the mistake.
        return yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read ({_one_line(error)})") from error


def _parameter_values(content: Any, path: Path) -> dict[str, str]:
    """Return the texts of ``parameterValues`` by name, without a queue's own settings (``deadline:priority``)."""
    entries = content.get("parameterValues") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise SettingsError(f"{path}: expected parameterValues, a list of names and values")
    values: dict[str, str] = {}
    for entry in entries:
        if not isinstance(entry, dict) or set(entry) != {"name", "value"} or not isinstance(entry["name"], str):
            raise SettingsError(f"{path}: {entry!r}: expected a name and a value")
        name, value = entry["name"], entry["value"]
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SettingsError(f"{path}: {name}: give text or a number")
        if "\0" in str(value):
            raise SettingsError(f"{path}: {name}: a zero byte is not allowed")
        if ":" not in name:
            values[name] = str(value)
    return values


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
