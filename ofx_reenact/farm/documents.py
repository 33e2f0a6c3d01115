"""The names of a bundle's files, and what reads them."""

from __future__ import annotations

from typing import Any

from ofx_reenact.errors import ReenactError

EXTENSIONS = ["TASK_CHUNKING"]
TEMPLATE, VALUES, ASSETS, FOR_OPENJD = (
    "template.yaml",
    "parameter_values.yaml",
    "asset_references.yaml",
    "openjd_parameters.json",
)


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
