"""The C2PA manifest of a frame: how it was made, from which inputs, and which frame it is."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.provenance.attributes import PREFIX, SOURCE_TYPE
from ofx_reenact.provenance.sidecar import FrameEntry, Sidecar

EXR = "image/x-exr"
FACTS = "ofx_reenact.frame"
_AGENT = {"name": "ofx-reenact", "version": __version__}


def facts_of(output: str, frame: int, attributes: Mapping[str, Any], sidecar: Sidecar) -> dict[str, Any]:
    """Return what the signature of a frame of ``output`` states about it, from its attributes and the sidecar.

    Raises:
        ReenactError: the sidecar has no entry for the frame, or contradicts its attributes.
    """
    if frame not in sidecar.frames:
        raise ReenactError("the sidecar has no entry for this frame; render it again")
    for name, claim in sidecar.claims.items():
        if attributes.get(name) != claim:
            raise ReenactError(f"{name} differs from the sidecar's; render the frame again")
    return {
        "frame": frame, "output": Path(output).name,
        "version": attributes["reenact:version"], "job": attributes.get("reenact:job"),
        **sidecar_facts(frame, sidecar),
    }  # fmt: skip


def sidecar_facts(frame: int, sidecar: Sidecar) -> dict[str, Any]:
    """Return those of a frame's facts that come from the sidecar.

    Raises:
        ReenactError: as :func:`named_inputs`.
    """
    entry = sidecar.frames.get(frame, FrameEntry())
    return {
        "inputs": named_inputs(sidecar),
        **{name.removeprefix(PREFIX): claim for name, claim in sidecar.claims.items()},
        "made_of": entry.made_of, "confidence": entry.confidence, "face": entry.face, "parts": entry.parts,
    }  # fmt: skip


def named_inputs(sidecar: Sidecar) -> dict[str, dict[str, str]]:
    """Return option → ``name`` (without folders) and ``sha256`` of a sidecar's inputs.

    Raises:
        ReenactError: there are no inputs, or one has no name or no SHA-256.
    """
    if not sidecar.inputs:
        raise ReenactError("the sidecar names no inputs; render with --existing overwrite")
    inputs = {}
    for what, entry in sidecar.inputs.items():
        if not entry.name or entry.sha256 is None:
            raise ReenactError(f"the sidecar's input '{what}' has no name or no sha256; render again")
        inputs[what] = {"name": Path(entry.name).name, "sha256": entry.sha256}
    return inputs


def manifest_of(name: str, facts: Mapping[str, Any]) -> str:
    """Return the manifest of a frame as JSON, from its file name and the facts of :func:`facts_of`.

    The target is a component of the picture; all other inputs are inputs of the computation.
    """
    inputs = facts["inputs"]
    others = [what for what in inputs if what != "target"]
    ingredients = [
        {
            "label": what, "title": entry["name"], "instance_id": f"sha256:{entry['sha256']}", "description": what,
            "format": mimetypes.guess_type(entry["name"])[0] or _type(entry["name"]),
            "relationship": "componentOf" if what == "target" else "inputTo",
        }
        for what, entry in inputs.items()
    ]  # fmt: skip
    by = {"softwareAgent": _AGENT, "digitalSourceType": SOURCE_TYPE}
    actions = [{"action": "c2pa.created", **by} | ({"parameters": {"ingredientIds": others}} if others else {})]
    if "target" in inputs:
        actions.append({"action": "c2pa.placed", **by, "parameters": {"ingredientIds": ["target"]}})
    return json.dumps({
        "claim_generator_info": [_AGENT], "title": name, "format": EXR, "ingredients": ingredients,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}}, {"label": FACTS, "data": dict(facts)},
        ],
    })  # fmt: skip


def _type(name: str) -> str:
    return EXR if name.lower().endswith(".exr") else "application/octet-stream"
