"""What a frame's C2PA manifest says: how it came to be, from what, and which frame it is."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ofx_reenact import __version__
from ofx_reenact.errors import ReenactError
from ofx_reenact.provenance.attributes import NO_FDGAN, SOURCE_TYPE

EXR = "image/x-exr"
FACTS = "ofx_reenact.frame"
_AGENT = {"name": "ofx-reenact", "version": __version__}


def facts_of(frame: int, attributes: Mapping[str, Any], sidecar: Mapping[str, Any]) -> dict[str, Any]:
    """Bring together what a frame and its sequence's sidecar say of it.

    Args:
        frame: its number.
        attributes: of the frame.
        sidecar: of its sequence.

    Raises:
        ReenactError: the sidecar does not know the frame, or they contradict each other.
    """
    known = sidecar["frames"].get(str(frame))
    if not isinstance(known, dict):
        raise ReenactError("the sidecar does not know this frame; render it again")
    claims = {
        "weights_sha256": _digest(sidecar.get("weights")),
        "fdgan_sha256": _digest(sidecar.get("fdgan")),
        "consent_id": sidecar.get("consent"),
    }
    for name, claim in claims.items():
        if attributes.get(f"reenact:{name}") != claim:
            raise ReenactError(f"reenact:{name} is not what the sidecar says; render the frame again")
    return {
        "frame": frame,
        "output": sidecar.get("output"),
        "inputs": named_inputs(sidecar),
        **claims,
        "version": attributes["reenact:version"],
        "job": attributes.get("reenact:job"),
        "confidence": known.get("confidence"),
        "face": known.get("face"),
    }


def named_inputs(sidecar: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return a sidecar's inputs with name and SHA-256 alone; names lose their folders.

    Raises:
        ReenactError: one of them has no name or no SHA-256.
    """
    inputs = {}
    for what, entry in sidecar["inputs"].items():
        name, digest = (entry.get(key) if isinstance(entry, dict) else None for key in ("name", "sha256"))
        if not isinstance(name, str) or not isinstance(digest, str):
            raise ReenactError(f"the sidecar's input '{what}' has no name or no sha256; render again")
        inputs[what] = {"name": Path(name).name, "sha256": digest}
    return inputs


def manifest_of(name: str, facts: Mapping[str, Any]) -> str:
    """Return the manifest of a frame as JSON.

    The target is placed in a picture that is created; whatever else it is made from went into a computation.

    Args:
        name: of the frame's file.
        facts: as :func:`facts_of` gives them.
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
    created: dict[str, Any] = {"action": "c2pa.created", "softwareAgent": _AGENT, "digitalSourceType": SOURCE_TYPE}
    if others:
        created["parameters"] = {"ingredientIds": others}
    actions = [created]
    if "target" in inputs:
        actions.append({
            "action": "c2pa.placed", "softwareAgent": _AGENT, "digitalSourceType": SOURCE_TYPE,
            "parameters": {"ingredientIds": ["target"]},
        })  # fmt: skip
    return json.dumps({
        "claim_generator_info": [_AGENT], "title": name, "format": EXR, "ingredients": ingredients,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}}, {"label": FACTS, "data": dict(facts)},
        ],
    })  # fmt: skip


def _type(name: str) -> str:
    return EXR if name.lower().endswith(".exr") else "application/octet-stream"


def _digest(weights: Any) -> Any:
    """The SHA-256 of weights as a sidecar describes them."""
    return weights.get("sha256") if isinstance(weights, dict) else weights if weights == NO_FDGAN else None
