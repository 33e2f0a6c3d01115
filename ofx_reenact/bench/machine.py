"""The record of a benchmark: figures, machine, versions, command and load."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ofx_reenact.bench.idle import LIMIT, Load, OtherProcesses, load_average
from ofx_reenact.device import name_of
from ofx_reenact.provenance import versions
from ofx_reenact.threads import cores

SCHEMA = "ofx-reenact/bench/2"


def make_record(
    kind: str, device: str, settings: dict[str, Any], before: Load, measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Measure, and return the record.

    Args:
        kind: the command's name.
        device: ``cpu``, ``cuda`` or ``mps``.
        settings: the command's options.
        before: how busy the machine was before.
        measure: returns, by name, tables (lists of dataclasses, one a row) and single figures.

    Returns:
        What ``--json`` prints; docs/benchmarks.md describes it.
    """
    others = OtherProcesses()
    found = measure()
    during, after = others.busy_cores(), load_average()
    tables = {name: rows for name, rows in found.items() if isinstance(rows, list)}
    idle = before.idle if during is None or not before.idle else during < LIMIT
    return {
        "schema": SCHEMA,
        "kind": kind,
        "command": ["ofx-reenact", *sys.argv[1:]],
        "settings": settings,
        "machine": _machine(device),
        "versions": versions(),
        "idle": idle,
        "load": {"before": asdict(before), "during": {"busy_cores": during}, "after": {"load_average": after}},
        **{name: value for name, value in found.items() if name not in tables},
        "tables": {name: [asdict(row) for row in rows] for name, rows in tables.items()},
    }


def _machine(device: str) -> dict[str, Any]:
    import cv2
    import torch

    return {
        "name": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor(),
        "cores": cores(),
        "torch_threads": torch.get_num_threads(),
        "opencv_threads": cv2.getNumThreads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", ""),
        "device": name_of(device),
    }


def processor() -> str:
    """Return the processor's name."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
