"""What was measured on: the machine, its versions and its load, recorded with every result."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from ofx_reenact.provenance import versions
from ofx_reenact.threads import cores

SCHEMA = "ofx-reenact/bench/1"


def record(kind: str, device: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Begin the record of a measurement, before it: what is measured, how, on what, under which load."""
    import torch

    return {
        "schema": SCHEMA,
        "kind": kind,
        "command": ["ofx-reenact", *sys.argv[1:]],
        "settings": settings,
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": processor(),
            "cores": cores(),
            "torch threads": torch.get_num_threads(),
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", ""),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        },
        "versions": versions(),
        "load before": load(),
    }


def load() -> float | None:
    """Processes that wanted to run in the last minute, on average; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def processor() -> str:
    """Name of the processor."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text(encoding="utf-8").splitlines() if about.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
